{{/* Where what is mounted lies. */}}
{{- define "justcall-kafka-bridge.secretsFolder" -}}/run/secrets/justcall-bridge{{- end }}
{{- define "justcall-kafka-bridge.volumeFolder" -}}/var/lib/justcall-bridge{{- end }}

{{/* What the chart works out of its values. */}}
{{- define "justcall-kafka-bridge.workedOut" -}}
{{- $secrets := include "justcall-kafka-bridge.secretsFolder" . }}
server:
  listen: 0.0.0.0:{{ .Values.containerPorts.http }}
  {{- if .Values.tls.existingSecret }}
  tls:
    certificate: {{ $secrets }}/tls/tls.crt
    key: {{ $secrets }}/tls/tls.key
  {{- end }}
admin:
  listen: 0.0.0.0:{{ .Values.containerPorts.admin }}
kafka:
  bootstrap_servers: {{ .Values.kafka.bootstrapServers | quote }}
  {{- $properties := deepCopy .Values.kafka.properties }}
  {{- with .Values.kafka.tls }}
  {{- if .existingSecret }}{{ $_ := set $properties "ssl.ca.location" (printf "%s/kafka-tls/%s" $secrets .caKey) }}{{ end }}
  {{- if .clientSecret }}
  {{- $_ := set $properties "ssl.certificate.location" (printf "%s/kafka-client/%s" $secrets .certKey) }}
  {{- $_ := set $properties "ssl.key.location" (printf "%s/kafka-client/%s" $secrets .keyKey) }}
  {{- end }}
  {{- end }}
  properties: {{ $properties | toJson }}
  {{- with .Values.kafka.secretProperties }}
  properties_files:
    {{- range $property, $key := . }}
    {{ $property }}: {{ $secrets }}/kafka/{{ $key }}
    {{- end }}
  {{- end }}
sources:
  main:
    path: {{ .Values.source.path | quote }}
    signature:
      urls: {{ .Values.source.urls | toJson }}
      {{- if not (kindIs "invalid" .Values.source.signature.required) }}
      required: {{ .Values.source.signature.required }}
      {{- end }}
      {{- if include "justcall-kafka-bridge.signatureSecret" . }}
      secrets_file: {{ $secrets }}/signature/{{ .Values.source.signature.existingSecretKey }}
      {{- end }}
    {{- if include "justcall-kafka-bridge.tokenSecret" . }}
    token_file: {{ $secrets }}/token/{{ .Values.source.token.existingSecretKey }}
    {{- end }}
{{- if .Values.persistence.enabled }}
spool:
  directory: {{ include "justcall-kafka-bridge.volumeFolder" . }}/spool
  # The rest is for the file system itself, and for what SQLite needs to delete.
  max_bytes: {{ div (mul (include "justcall-kafka-bridge.bytes" .Values.persistence.size | int64) 8) 10 }} B
{{- end }}
shutdown:
  delay: 10s
  timeout: 20s
{{- end }}

{{/* All settings, as the bridge reads them. */}}
{{- define "justcall-kafka-bridge.settings" -}}
{{- $settings := include "justcall-kafka-bridge.workedOut" . | fromYaml }}
{{- if hasKey $settings "Error" }}{{ fail $settings.Error }}{{ end }}
{{- toYaml (mergeOverwrite $settings (deepCopy .Values.settings)) }}
{{- end }}

{{/* Paths that senders post to. */}}
{{- define "justcall-kafka-bridge.paths" -}}
{{- range $name, $source := (include "justcall-kafka-bridge.settings" . | fromYaml).sources }}
- {{ default "/webhooks/justcall" $source.path | quote }}
{{- end }}
{{- end }}

{{/* Those that a running bridge does not follow: their change rolls the pods. */}}
{{- define "justcall-kafka-bridge.fixedSettings" -}}
{{- $settings := include "justcall-kafka-bridge.settings" . | fromYaml }}
{{- range $live := list "routes" "route_templates" "unknown_events" }}{{ $_ := unset $settings $live }}{{ end }}
{{- /* The name of the dead-letter topic, which stays until a restart, is made from the prefix. */}}
{{- $_ := set $settings "topics" (pick (default dict $settings.topics) "prefix") }}
{{- range $source := values $settings.sources }}{{ $_ := unset $source "validation" }}{{ end }}
{{- toYaml $settings }}
{{- end }}

{{/* What would only come out when the bridge does not start. */}}
{{- define "justcall-kafka-bridge.validate" -}}
{{- $settings := include "justcall-kafka-bridge.settings" . | fromYaml }}
{{- range $name, $source := $settings.sources }}
{{- $signature := default dict $source.signature }}
{{- if and (not (eq (toString $signature.required) "false")) (not $signature.secrets_file) (not $signature.secrets) }}
{{- fail (printf "sources.%s: nobody has said how JustCall is told from strangers. Put its API secret into a Secret and name that in source.signature.existingSecret; or say source.signature.required=false, best together with source.token.existingSecret" $name) }}
{{- end }}
{{- end }}
{{- range $section, $port := dict "server" .Values.containerPorts.http "admin" .Values.containerPorts.admin }}
{{- $listen := toString (get $settings $section).listen }}
{{- if not (hasSuffix (printf ":%v" $port) $listen) }}
{{- fail (printf "settings.%s.listen is %s, but the pod's port is %v: set containerPorts too" $section $listen $port) }}
{{- end }}
{{- end }}
{{- $protocol := get $settings.kafka.properties "security.protocol" | toString | lower }}
{{- if and (or .Values.kafka.tls.existingSecret .Values.kafka.tls.clientSecret) (not (hasSuffix "ssl" $protocol)) }}
{{- fail "kafka.tls: without TLS it does nothing. Set kafka.properties.security\\.protocol to SSL or SASL_SSL" }}
{{- end }}
{{- $seconds := .Values.terminationGracePeriodSeconds }}
{{- $needed := sub (include "justcall-kafka-bridge.neededSeconds" . | int) 10 }}
{{- if and (not (kindIs "invalid" $seconds)) (lt (int $seconds) (int $needed)) }}
{{- fail (printf "terminationGracePeriodSeconds: shutdown.delay and shutdown.timeout are %d s together, so the bridge would be killed in the middle of its work" $needed) }}
{{- end }}
{{- with .Values.autoscaling }}
{{- if and .enabled (lt (int .maxReplicas) (int .minReplicas)) }}
{{- fail (printf "autoscaling.maxReplicas: %v is less than autoscaling.minReplicas, %v" .maxReplicas .minReplicas) }}
{{- end }}
{{- end }}
{{- end }}
