{{- define "rawlink.name" -}}{{ printf "%s-%s" .root.Release.Name .part | trunc 52 | trimSuffix "-" }}{{- end }}

{{- define "rawlink.selector" -}}
app.kubernetes.io/name: rawlink
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end }}

{{- define "rawlink.labels" -}}
{{ include "rawlink.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{- define "rawlink.image" -}}
{{ .root.Values.image.registry }}rawlink/{{ .part }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}
{{- end }}

{{- define "rawlink.secret" -}}{{ .Values.existingSecret | default (printf "%s-rawlink" .Release.Name) }}{{- end }}

{{- /* What a pod is held to. */ -}}
{{- define "rawlink.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "rawlink.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- /* Settings that origins and edges share. Secrets are files: @FILE is read. */ -}}
{{- define "rawlink.sharedEnv" -}}
- {name: RAWLINK_TOKEN_KEYS, value: "@/secrets/token_keys"}
- {name: RAWLINK_INTERNAL_KEY, value: "@/secrets/internal_key"}
- {name: RAWLINK_REDIS_URL, value: "@/secrets/redis_url"}
- {name: RAWLINK_REDIS_MODE, value: {{ .Values.redis.mode | quote }}}
{{- with .Values.redis.primary }}
- {name: RAWLINK_REDIS_PRIMARY, value: {{ . | quote }}}
{{- end }}
- {name: RAWLINK_S3_ENDPOINT, value: {{ .Values.s3.endpoint | quote }}}
- {name: RAWLINK_S3_REGION, value: {{ .Values.s3.region | quote }}}
- {name: RAWLINK_S3_BUCKET, value: {{ .Values.s3.bucket | quote }}}
- {name: RAWLINK_S3_ACCESS_KEY, value: {{ .Values.s3.accessKey | quote }}}
- {name: RAWLINK_S3_SECRET_KEY, value: "@/secrets/s3_secret_key"}
- {name: RAWLINK_S3_PATH_STYLE, value: {{ .Values.s3.pathStyle | quote }}}
- {name: RAWLINK_SHUTDOWN_DELAY, value: 5s} # until load balancers have heard of it
- {name: RAWLINK_SHUTDOWN_GRACE, value: 30s}
{{- with .Values.tracing.endpoint }}
- {name: RAWLINK_OTLP_ENDPOINT, value: {{ . | quote }}}
- {name: RAWLINK_TRACE_RATIO, value: {{ $.Values.tracing.ratio | quote }}}
{{- end }}
{{- end }}

{{- define "rawlink.moreEnv" -}}
{{- range $name, $value := . }}
- {name: RAWLINK_{{ $name }}, value: {{ $value | quote }}}
{{- end }}
{{- end }}

{{- /* What slices may take of their volume: nine tenths, for the file system needs some. */ -}}
{{- define "rawlink.cacheDisk" -}}
{{- $size := .Values.edge.cacheDisk.size }}
{{- $number := regexFind "^[0-9]+" $size }}
{{- $mebibytes := get (dict "Mi" 1 "Gi" 1024 "Ti" 1048576) (trimPrefix $number $size) }}
{{- div (mul (int64 $number) $mebibytes 9) 10 }}MiB
{{- end }}

{{- define "rawlink.probes" -}}
startupProbe:
  httpGet: {path: /healthz, port: ops}
  periodSeconds: 2
  failureThreshold: 60
livenessProbe:
  httpGet: {path: /healthz, port: ops}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
readinessProbe:
  httpGet: {path: /readyz, port: ops}
  periodSeconds: 5
  timeoutSeconds: 4
  failureThreshold: 2
{{- end }}

{{- /* Pods of one kind on different zones, and at least on different nodes. */ -}}
{{- define "rawlink.spread" -}}
topologySpreadConstraints:
  {{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ $key }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "rawlink.selector" $ | nindent 8 }}
  {{- end }}
{{- end }}
