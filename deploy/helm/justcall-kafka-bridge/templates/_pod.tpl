{{- define "justcall-kafka-bridge.pod" -}}
{{- $name := include "justcall-kafka-bridge.fullname" . -}}
{{- $secrets := include "justcall-kafka-bridge.secretsFolder" . -}}
{{- $mounted := include "justcall-kafka-bridge.mounted" . | fromYaml -}}
metadata:
  labels:
    # Without the chart's version, so that a new chart alone does not replace the pods.
    {{- include "justcall-kafka-bridge.selectorLabels" . | nindent 4 }}
    {{- with merge (deepCopy (default dict .Values.podLabels)) (default dict .Values.commonLabels) }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    # Without the settings that the bridge reloads itself.
    checksum/settings: {{ include "justcall-kafka-bridge.fixedSettings" . | sha256sum }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "justcall-kafka-bridge.serviceAccountName" . }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  securityContext:
    {{- toYaml .Values.podSecurityContext | nindent 4 }}
  terminationGracePeriodSeconds: {{ include "justcall-kafka-bridge.gracePeriod" . }}
  {{- if .Values.affinity }}
  affinity:
    {{- toYaml .Values.affinity | nindent 4 }}
  {{- else if eq .Values.podAntiAffinityPreset "hard" }}
  affinity:
    podAntiAffinity:
      requiredDuringSchedulingIgnoredDuringExecution:
        - topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels:
              {{- include "justcall-kafka-bridge.selectorLabels" . | nindent 14 }}
  {{- else if eq .Values.podAntiAffinityPreset "soft" }}
  affinity:
    podAntiAffinity:
      preferredDuringSchedulingIgnoredDuringExecution:
        - weight: 100
          podAffinityTerm:
            topologyKey: kubernetes.io/hostname
            labelSelector:
              matchLabels:
                {{- include "justcall-kafka-bridge.selectorLabels" . | nindent 16 }}
  {{- end }}
  topologySpreadConstraints:
    {{- if kindIs "invalid" .Values.topologySpreadConstraints }}
    - maxSkew: 1
      topologyKey: topology.kubernetes.io/zone
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "justcall-kafka-bridge.selectorLabels" . | nindent 10 }}
    {{- else }}
    {{- toYaml .Values.topologySpreadConstraints | nindent 4 }}
    {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: bridge
      image: {{ include "justcall-kafka-bridge.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      command: [/usr/local/bin/justcall-bridge]
      args: [serve, --config, /etc/justcall-bridge/bridge.yaml]
      {{- with .Values.extraEnv }}
      env:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .Values.extraEnvFrom }}
      envFrom:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      ports:
        - name: http
          containerPort: {{ .Values.containerPorts.http }}
        - name: admin
          containerPort: {{ .Values.containerPorts.admin }}
      # Puts the reason of a failed start into the pod's status.
      terminationMessagePolicy: FallbackToLogsOnError
      {{- range $probe := list "startupProbe" "livenessProbe" "readinessProbe" }}
      {{- with index $.Values $probe }}
      {{ $probe }}:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- end }}
      resources:
        {{- toYaml .Values.resources | nindent 8 }}
      securityContext:
        {{- toYaml .Values.securityContext | nindent 8 }}
      volumeMounts:
        # Whole folders, because a single file of a ConfigMap or a Secret is never updated.
        - name: settings
          mountPath: /etc/justcall-bridge
          readOnly: true
        {{- range $volume, $secret := $mounted }}
        - name: {{ $volume }}
          mountPath: {{ $secrets }}/{{ $volume }}
          readOnly: true
        {{- end }}
        {{- if .Values.persistence.enabled }}
        - name: spool
          mountPath: {{ include "justcall-kafka-bridge.volumeFolder" . }}
        {{- end }}
        {{- with .Values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    - name: settings
      configMap:
        name: {{ $name }}
    {{- range $volume, $secret := $mounted }}
    - name: {{ $volume }}
      secret:
        secretName: {{ $secret }}
        defaultMode: 0440
    {{- end }}
    {{- with .Values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}

{{/* Secrets by the names of their volumes. */}}
{{- define "justcall-kafka-bridge.mounted" -}}
{{- $mounted := dict
  "signature" (include "justcall-kafka-bridge.signatureSecret" .)
  "token" (include "justcall-kafka-bridge.tokenSecret" .)
  "kafka" (include "justcall-kafka-bridge.kafkaSecret" .)
  "kafka-tls" .Values.kafka.tls.existingSecret
  "kafka-client" .Values.kafka.tls.clientSecret
  "tls" .Values.tls.existingSecret }}
{{- range $volume, $secret := $mounted }}
{{- if $secret }}
{{ $volume }}: {{ $secret | quote }}
{{- end }}
{{- end }}
{{- end }}
