{{- define "justcall-kafka-bridge.secretsFolder" -}}/run/secrets/justcall-bridge{{- end }}
{{- define "justcall-kafka-bridge.volumeFolder" -}}/var/lib/justcall-bridge{{- end }}

{{/* Computed from values. */}}
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
  {{- $properties := deepCopy (default dict .Values.kafka.properties) }}
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
      urls: {{ default list .Values.source.urls | toJson }}
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
  # The rest is for the file system, and for SQLite's deletions.
  max_bytes: {{ div (mul (include "justcall-kafka-bridge.bytes" .Values.persistence.size | int64) 8) 10 }} B
{{- end }}
shutdown:
  delay: 10s
  timeout: 20s
{{- end }}

{{- define "justcall-kafka-bridge.settings" -}}
{{- $settings := include "justcall-kafka-bridge.workedOut" . | fromYaml }}
{{- if hasKey $settings "Error" }}{{ fail $settings.Error }}{{ end }}
{{- toYaml (mergeOverwrite $settings (deepCopy (default dict .Values.settings))) }}
{{- end }}

{{- define "justcall-kafka-bridge.paths" -}}
{{- range $name, $source := (include "justcall-kafka-bridge.settings" . | fromYaml).sources }}
- {{ default "/webhooks/justcall" $source.path | quote }}
{{- end }}
{{- end }}

{{/* A change of these replaces the pods. */}}
{{- define "justcall-kafka-bridge.fixedSettings" -}}
{{- $settings := include "justcall-kafka-bridge.settings" . | fromYaml }}
{{- range $live := list "routes" "route_templates" "unknown_events" }}{{ $_ := unset $settings $live }}{{ end }}
{{- /* The name of the dead-letter topic contains the prefix and changes at a restart only. */}}
{{- $_ := set $settings "topics" (pick (default dict $settings.topics) "prefix") }}
{{- range $source := values $settings.sources }}{{ $_ := unset $source "validation" }}{{ end }}
{{- toYaml $settings }}
{{- end }}

{{/* Refuses values with which the bridge would not start. */}}
{{- define "justcall-kafka-bridge.validate" -}}
{{- $settings := include "justcall-kafka-bridge.settings" . | fromYaml }}
{{- range $name, $source := $settings.sources }}
{{- $signature := default dict $source.signature }}
{{- if and (not (eq (toString $signature.required) "false")) (not $signature.secrets_file) (not $signature.secrets) }}
{{- fail (printf "sources.%s has no authentication. Put JustCall's API secret into a Secret and set source.signature.existingSecret; or set source.signature.required=false, best together with source.token.existingSecret" $name) }}
{{- end }}
{{- end }}
{{- include "justcall-kafka-bridge.validateSecrets" . }}
{{- $admin := toString $settings.admin.listen | lower }}
{{- if include "justcall-kafka-bridge.isLoopback" $admin }}
{{- fail (printf "settings.admin.listen is %s, a loopback address: the kubelet's probes cannot reach it, and no pod gets ready. Remove the setting; the chart listens at 0.0.0.0:%v, which no Service but the headless one exposes" $admin .Values.containerPorts.admin) }}
{{- end }}
{{- if include "justcall-kafka-bridge.isLoopback" (toString $settings.server.listen | lower) }}
{{- fail (printf "settings.server.listen is %s, a loopback address: the Service cannot reach it. Remove the setting" $settings.server.listen) }}
{{- end }}
{{- range $section, $port := dict "server" .Values.containerPorts.http "admin" .Values.containerPorts.admin }}
{{- $listen := toString (get $settings $section).listen }}
{{- if not (hasSuffix (printf ":%v" $port) $listen) }}
{{- fail (printf "settings.%s.listen is %s, but the pod's port is %v: set containerPorts too" $section $listen $port) }}
{{- end }}
{{- end }}
{{- $protocol := get $settings.kafka.properties "security.protocol" | toString | lower }}
{{- if and (or .Values.kafka.tls.existingSecret .Values.kafka.tls.clientSecret) (not (hasSuffix "ssl" $protocol)) }}
{{- fail "kafka.tls has no effect without TLS. Set kafka.properties.security\\.protocol to SSL or SASL_SSL" }}
{{- end }}
{{- $seconds := .Values.terminationGracePeriodSeconds }}
{{- $needed := sub (include "justcall-kafka-bridge.neededSeconds" . | int) 10 }}
{{- if and (not (kindIs "invalid" $seconds)) (lt (int $seconds) (int $needed)) }}
{{- fail (printf "terminationGracePeriodSeconds: shutdown.delay and shutdown.timeout are %d s together, so the bridge would be killed before it has finished. Raise it, or remove it" $needed) }}
{{- end }}
{{- with .Values.autoscaling }}
{{- if and .enabled (lt (int .maxReplicas) (int .minReplicas)) }}
{{- fail (printf "autoscaling.maxReplicas: %v is less than autoscaling.minReplicas, %v" .maxReplicas .minReplicas) }}
{{- end }}
{{- end }}
{{- end }}

{{/* A section that is null has no defaults. */}}
{{- define "justcall-kafka-bridge.validateSections" -}}
{{- $required := list "replicaCount" "image" "image.repository" "image.pullPolicy" "kafka" "kafka.bootstrapServers" "kafka.tls" "kafka.tls.caKey" "kafka.tls.certKey" "kafka.tls.keyKey" "source" "source.path" "source.signature" "source.signature.existingSecretKey" "source.token" "source.token.existingSecretKey" "persistence" "persistence.enabled" "persistence.size" "persistence.accessModes" "persistence.retentionPolicy" "containerPorts" "containerPorts.http" "containerPorts.admin" "tls" "service" "service.type" "service.port" "service.sessionAffinity" "ingress" "httpRoute" "externalSecret" "externalSecret.apiVersion" "externalSecret.refreshInterval" "externalSecret.secretStoreRef" "serviceAccount" "serviceAccount.create" "podDisruptionBudget" "podDisruptionBudget.maxUnavailable" "autoscaling" "autoscaling.minReplicas" "autoscaling.maxReplicas" "autoscaling.targetCPUUtilizationPercentage" "networkPolicy" "metrics" "metrics.serviceMonitor" "metrics.serviceMonitor.interval" "metrics.serviceMonitor.scrapeTimeout" "metrics.prometheusRule" "metrics.prometheusRule.runbook" "podSecurityContext" "securityContext" "podAntiAffinityPreset" "revisionHistoryLimit" }}
{{- range $path := $required }}
{{- $value := $.Values }}
{{- $missing := "" }}
{{- $walked := list }}
{{- range $key := splitList "." $path }}
{{- $walked = append $walked $key }}
{{- if not $missing }}
{{- if and (hasKey $value $key) (not (kindIs "invalid" (get $value $key))) }}{{ $value = get $value $key }}{{ else }}{{ $missing = join "." $walked }}{{ end }}
{{- end }}
{{- end }}
{{- if $missing }}
{{- fail (printf "%s is null, which removes the default. Leave the key out to keep the default, or give it a value" $missing) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "justcall-kafka-bridge.isLoopback" -}}
{{- if regexMatch "^(127\\.|localhost:|localhost\\.|\\[(0*:)+0*1\\]|\\[(0*:)+ffff:(127\\.|7f[0-9a-f]{2}:))" (lower .) }}true{{ end }}
{{- end }}

{{/* Tests for a secret, not a path or a URL. */}}
{{- define "justcall-kafka-bridge.isSecretProperty" -}}
{{- $name := lower . }}
{{- if and (regexMatch "password|passphrase|secret|key|token|jaas|oauthbearer.config" $name) (not (regexMatch "([._](location|url|file|algorithm)|keytab)$" $name)) }}true{{ end }}
{{- end }}

{{/* Properties may be nested. */}}
{{- define "justcall-kafka-bridge.validateProperties" -}}
{{- range $name, $value := .properties }}
{{- $path := printf "%s.%s" $.path $name }}
{{- $property := ternary (printf "%s.%s" $.property $name) $name (not (empty $.property)) }}
{{- if kindIs "map" $value }}
{{- include "justcall-kafka-bridge.validateProperties" (dict "properties" $value "path" $path "property" $property) }}
{{- else if and $value (include "justcall-kafka-bridge.isSecretProperty" $property) }}
{{- fail (printf "%s is a secret, and values and ConfigMaps can be read by many. Put it into a Secret, name that in kafka.existingSecret and its key in kafka.secretProperties: { %s: KEY }" $path $property) }}
{{- end }}
{{- end }}
{{- end }}

{{/* Refuses secrets that would be in the ConfigMap or in the pod's manifest. */}}
{{- define "justcall-kafka-bridge.validateSecrets" -}}
{{- include "justcall-kafka-bridge.validateProperties" (dict "properties" .Values.kafka.properties "path" "kafka.properties" "property" "") }}
{{- $settings := default dict .Values.settings }}
{{- include "justcall-kafka-bridge.validateProperties" (dict "properties" (dig "kafka" "properties" dict $settings) "path" "settings.kafka.properties" "property" "") }}
{{- range $name, $source := $settings.sources }}
{{- $way := "Put it into a Secret, mount that with extraVolumes and extraVolumeMounts, and name the file in settings.sources." }}
{{- if and (kindIs "map" $source) $source.token }}
{{- fail (printf "settings.sources.%s.token is a secret, and ConfigMaps can be read by many. %s" $name (ternary "Put it into a Secret and name that in source.token.existingSecret" (printf "%s%s.token_file" $way $name) (eq $name "main"))) }}
{{- end }}
{{- if and (kindIs "map" $source) (default dict $source.signature).secrets }}
{{- fail (printf "settings.sources.%s.signature.secrets are secrets, and ConfigMaps can be read by many. %s" $name (ternary "Put them into a Secret, one a line, and name that in source.signature.existingSecret" (printf "%s%s.signature.secrets_file" $way $name) (eq $name "main"))) }}
{{- end }}
{{- end }}
{{- if (default dict $settings.telemetry).otlp_headers }}
{{- fail "settings.telemetry.otlp_headers are secrets, and ConfigMaps can be read by many. Put them into a Secret, mount that with extraVolumes and extraVolumeMounts, and name its files in settings.telemetry.otlp_headers_files" }}
{{- end }}
{{- range .Values.extraEnv }}
{{- $setting := upper .name | trimPrefix "JUSTCALL_BRIDGE" | trimPrefix "__" }}
{{- $property := "" }}
{{- if hasPrefix "KAFKA__PROPERTIES__" $setting }}{{ $property = trimPrefix "KAFKA__PROPERTIES__" $setting | replace "__" "." | replace "_" "." }}{{ end }}
{{- $isSecret := or (regexMatch "^SOURCES__.*__(TOKEN|SIGNATURE__SECRETS)$" $setting) (regexMatch "OTLP_HEADERS(__.*)?$" $setting) (and $property (include "justcall-kafka-bridge.isSecretProperty" $property)) }}
{{- if and (not $isSecret) .value (regexMatch "^(SOURCES|KAFKA|TELEMETRY)(__|$)" $setting) }}
{{- $isSecret = regexMatch "(?i)\"[^\"]*(token|secrets?|password|key\\.pem|otlp_headers)\"\\s*:" .value }}
{{- end }}
{{- if and (has $setting (list "ADMIN__LISTEN" "SERVER__LISTEN")) .value (include "justcall-kafka-bridge.isLoopback" .value) }}
{{- fail (printf "extraEnv: %s is %s, a loopback address: nothing outside of the pod can reach it. Remove the variable" .name .value) }}
{{- end }}
{{- if and .value $isSecret }}
{{- fail (printf "extraEnv: %s is a secret, and a pod's manifest can be read by many. Take it from a Secret: { name: %s, valueFrom: { secretKeyRef: { name: SECRET, key: KEY } } }" .name .name) }}
{{- end }}
{{- end }}
{{- end }}
