{{/* Parts of pods: of the job's and of the test's. They meet the Pod Security standard "restricted". */}}
{{- define "bai-chart.podSecurity" -}}
runAsNonRoot: true
runAsUser: 1000
runAsGroup: 1000
fsGroup: 1000
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "bai-chart.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "bai-chart.placement" -}}
{{- range $key := list "nodeSelector" "tolerations" "affinity" "priorityClassName" }}
{{- with get $ $key }}
{{ dict $key . | toYaml }}
{{- end }}
{{- end }}
{{- end }}

{{/* "repository:tag", or "repository@sha256:..." for a digest; the tag defaults to the chart's appVersion. */}}
{{- define "bai-chart.image" -}}
{{- $tag := .image.tag | default .root.Chart.AppVersion -}}
{{- printf "%s%s%s" .image.repository (ternary "@" ":" (hasPrefix "sha256:" $tag)) $tag -}}
{{- end }}

{{/* The variable that gateway.yaml names; the runner copies this very entry to the steps. */}}
{{- define "bai-chart.passwordEnv" -}}
{{- with .Values.gateway.passwordSecret }}
{{- if .name -}}
- {name: DASK_GATEWAY_PASSWORD, valueFrom: {secretKeyRef: {name: {{ .name }}, key: {{ .key }}}}}
{{- end }}
{{- end }}
{{- end }}
