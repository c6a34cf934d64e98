{{/* Labels that select all objects of a release: those of the chart and those of its jobs. */}}
{{- define "bai-chart.selectorLabels" -}}
app.kubernetes.io/name: bai-chart
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/part-of: bai-kit
bai-kit/release: {{ .Release.Name }}
{{- end }}

{{- define "bai-chart.labels" -}}
{{ include "bai-chart.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/*
Metadata of an object. Takes (dict "root" $ "name" NAME) and optionally "component", "labels" and "annotations", which
override those of the chart.
*/}}
{{- define "bai-chart.metadata" -}}
name: {{ .name }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- .labels | default (include "bai-chart.labels" .root) | nindent 2 }}
  {{- with .component }}
  app.kubernetes.io/component: {{ . }}
  {{- end }}
{{- with merge (dict) (.annotations | default dict) .root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
