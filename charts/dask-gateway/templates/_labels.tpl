{{/* Labels of a component's objects: takes root and component. */}}
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

{{/* What selects a component's pods; never changes, or upgrades would be refused. */}}
{{- define "dask-gateway.selector" -}}
app.kubernetes.io/name: {{ default .root.Chart.Name .root.Values.nameOverride | trunc 63 }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{/* What selects the clusters' pods; with component, those of schedulers or workers. */}}
{{- define "dask-gateway.daskSelector" -}}
gateway.dask.org/instance: {{ include "dask-gateway.instance" .root }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end -}}

{{/* metadata of an object: root, component, name; annotations and namespace as an option. */}}
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
