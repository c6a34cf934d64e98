{{/* Labels of a component's objects. Takes root and component. */}}
{{- define "dask-gateway.labels" -}}
{{ include "dask-gateway.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/part-of: dask-gateway
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Labels that select a component's pods. Kubernetes rejects an upgrade that changes them, so they must stay. */}}
{{- define "dask-gateway.selector" -}}
app.kubernetes.io/name: {{ default .root.Chart.Name .root.Values.nameOverride | trunc 63 }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{/* Labels that select the clusters' pods. Takes root and, optionally, component (scheduler or worker). */}}
{{- define "dask-gateway.daskSelector" -}}
gateway.dask.org/instance: {{ include "dask-gateway.instance" .root }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end -}}

{{/* Metadata of an object. Takes root, component and name, and optionally annotations and namespace. */}}
{{- define "dask-gateway.metadata" -}}
metadata:
  name: {{ .name }}
  namespace: {{ default .root.Release.Namespace .namespace }}
  labels:
    {{- include "dask-gateway.labels" . | nindent 4 }}
  {{- with merge (deepCopy (default (dict) .annotations)) .root.Values.commonAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
