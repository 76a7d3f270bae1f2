{{- define "justcall-kafka-bridge.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 52 | trimSuffix "-" }}
{{- end }}

{{/* Shorter than a name may be, because the controller and the headless Service add to it. */}}
{{- define "justcall-kafka-bridge.fullname" -}}
{{- $name := include "justcall-kafka-bridge.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "justcall-kafka-bridge.selectorLabels" -}}
app.kubernetes.io/name: {{ include "justcall-kafka-bridge.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "justcall-kafka-bridge.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "justcall-kafka-bridge.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Not for pods; `suffix` and `annotations` are optional. */}}
{{- define "justcall-kafka-bridge.metadata" -}}
name: {{ include "justcall-kafka-bridge.fullname" .root }}{{ .suffix }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "justcall-kafka-bridge.labels" .root | nindent 2 }}
  {{- with .labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "justcall-kafka-bridge.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "justcall-kafka-bridge.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "justcall-kafka-bridge.image" -}}
{{- $name := .Values.image.repository }}
{{- with .Values.image.registry }}{{ $name = printf "%s/%s" . $name }}{{ end }}
{{- if .Values.image.digest }}
{{- printf "%s@%s" $name .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" $name (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{- define "justcall-kafka-bridge.workloadKind" -}}
{{- ternary "StatefulSet" "Deployment" .Values.persistence.enabled }}
{{- end }}

{{/* Empty on the first installation and where Helm has no cluster. */}}
{{- define "justcall-kafka-bridge.liveWorkload" -}}
{{- lookup "apps/v1" (include "justcall-kafka-bridge.workloadKind" .) .Release.Namespace (include "justcall-kafka-bridge.fullname" .) | toJson }}
{{- end }}

{{/* With autoscaling the live number, because an absent number means 1 to the API server. */}}
{{- define "justcall-kafka-bridge.replicas" -}}
{{- if .Values.autoscaling.enabled }}
{{- $live := include "justcall-kafka-bridge.liveWorkload" . | fromJson }}
{{- max (dig "spec" "replicas" 0 $live | int) (int .Values.autoscaling.minReplicas) }}
{{- else }}
{{- .Values.replicaCount }}
{{- end }}
{{- end }}

{{/* Refuses a change that the cluster would refuse or that would strand events. */}}
{{- define "justcall-kafka-bridge.validateLive" -}}
{{- $live := include "justcall-kafka-bridge.liveWorkload" . | fromJson }}
{{- if and (not .Values.persistence.enabled) (not .Values.persistence.discardSpools) }}
{{- $name := include "justcall-kafka-bridge.fullname" . }}
{{- with lookup "apps/v1" "StatefulSet" .Release.Namespace $name }}
{{- fail (printf "persistence.enabled: StatefulSet %s with %d pods has volumes, and their events would never reach Kafka without its pods. Nothing was changed. Wait until `kubectl exec --namespace %s POD -- /usr/local/bin/justcall-bridge spool status` reports 0 records for each pod, then add --set persistence.discardSpools=true. The claims remain: delete them by hand" $name (dig "spec" "replicas" 0 . | int) $.Release.Namespace) }}
{{- end }}
{{- end }}
{{- if and $live .Values.persistence.enabled }}
{{- $name := include "justcall-kafka-bridge.fullname" . }}
{{- range dig "spec" "volumeClaimTemplates" list $live }}
{{- $size := dig "spec" "resources" "requests" "storage" "" . }}
{{- if and (eq .metadata.name "spool") $size (ne $size (toString $.Values.persistence.size)) }}
{{- fail (printf "persistence.size: the claims of StatefulSet %s have %s and Kubernetes cannot change that to %v. Nothing was changed. Enlarge the volumes first, see docs/how-to/kubernetes.md; if a failed upgrade came before, undo it with `helm rollback %s`" $name $size $.Values.persistence.size $.Release.Name) }}
{{- end }}
{{- end }}
{{- $replicas := dig "spec" "replicas" 0 $live | int }}
{{- $scaled := lookup "autoscaling/v2" "HorizontalPodAutoscaler" .Release.Namespace $name }}
{{- if and $scaled (not .Values.autoscaling.enabled) (gt $replicas (int .Values.replicaCount)) }}
{{- fail (printf "autoscaling.enabled: %d pods run, and with replicaCount %v the other pods would stop while their volumes may have events. Add --set replicaCount=%d, then scale down as in docs/how-to/kubernetes.md" $replicas .Values.replicaCount $replicas) }}
{{- end }}
{{- end }}
{{- end }}

{{/* Name of the given Secret, otherwise of the external one if it has `key`, otherwise none. */}}
{{- define "justcall-kafka-bridge.secret" -}}
{{- if .existing }}
{{- .existing }}
{{- else if .root.Values.externalSecret.enabled }}
{{- $found := false }}
{{- range .root.Values.externalSecret.data }}{{ if eq .secretKey $.key }}{{ $found = true }}{{ end }}{{ end }}
{{- if $found }}{{ include "justcall-kafka-bridge.fullname" .root }}{{ end }}
{{- end }}
{{- end }}

{{- define "justcall-kafka-bridge.signatureSecret" -}}
{{- include "justcall-kafka-bridge.secret" (dict "root" . "existing" .Values.source.signature.existingSecret "key" .Values.source.signature.existingSecretKey) }}
{{- end }}

{{- define "justcall-kafka-bridge.tokenSecret" -}}
{{- include "justcall-kafka-bridge.secret" (dict "root" . "existing" .Values.source.token.existingSecret "key" .Values.source.token.existingSecretKey) }}
{{- end }}

{{- define "justcall-kafka-bridge.kafkaSecret" -}}
{{- $secret := "" }}
{{- range $property, $key := .Values.kafka.secretProperties }}
{{- $secret = include "justcall-kafka-bridge.secret" (dict "root" $ "existing" $.Values.kafka.existingSecret "key" $key) }}
{{- if not $secret }}
{{- fail (printf "kafka.secretProperties: %s names the key %q, which no Secret has. Set kafka.existingSecret, or add the key to externalSecret.data" $property $key) }}
{{- end }}
{{- end }}
{{- $secret }}
{{- end }}

{{/* Of a quantity such as 8Gi. */}}
{{- define "justcall-kafka-bridge.bytes" -}}
{{- $factors := dict "" 1 "k" 1000 "M" 1000000 "G" 1000000000 "T" 1000000000000 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 }}
{{- mul (regexFind "^[0-9]+" . | int64) (get $factors (regexFind "[A-Za-z]*$" .)) }}
{{- end }}

{{/* Of a time such as `1m 30s`, rounded up. */}}
{{- define "justcall-kafka-bridge.seconds" -}}
{{- $factors := dict "ms" 1 "s" 1000 "sec" 1000 "m" 60000 "min" 60000 "h" 3600000 }}
{{- $millis := 0 }}
{{- range regexFindAll "[0-9]+ *[a-z]*" . -1 }}
{{- $factor := get $factors (regexFind "[a-z]*$" .) }}
{{- if not $factor }}{{ fail (printf "settings.shutdown: %q has none of the units ms, s, m and h" .) }}{{ end }}
{{- $millis = add $millis (mul (regexFind "^[0-9]+" . | int64) $factor) }}
{{- end }}
{{- div (add $millis 999) 1000 }}
{{- end }}

{{/* Until a pod must end: delay, timeout, and its own end. */}}
{{- define "justcall-kafka-bridge.neededSeconds" -}}
{{- $shutdown := (include "justcall-kafka-bridge.settings" . | fromYaml).shutdown }}
{{- add (include "justcall-kafka-bridge.seconds" $shutdown.delay) (include "justcall-kafka-bridge.seconds" $shutdown.timeout) 10 }}
{{- end }}

{{- define "justcall-kafka-bridge.gracePeriod" -}}
{{- if kindIs "invalid" .Values.terminationGracePeriodSeconds }}
{{- include "justcall-kafka-bridge.neededSeconds" . }}
{{- else }}
{{- .Values.terminationGracePeriodSeconds }}
{{- end }}
{{- end }}
