{{/* Peers and rules of the NetworkPolicies. */}}

{{/* One component's pods in the release's namespace: root, component. */}}
{{- define "dask-gateway.peer" -}}
namespaceSelector:
  matchLabels: {kubernetes.io/metadata.name: {{ .root.Release.Namespace }}}
podSelector:
  matchLabels:
    {{- include "dask-gateway.selector" . | nindent 4 }}
{{- end -}}

{{/* The clusters' pods (with component: schedulers or workers), wherever they are. */}}
{{- define "dask-gateway.daskPeer" -}}
{{- if eq .root.Values.rbac.scope "cluster" -}}
namespaceSelector: {}
{{- else -}}
namespaceSelector:
  matchLabels: {kubernetes.io/metadata.name: {{ include "dask-gateway.namespace" .root }}}
{{- end }}
podSelector:
  matchLabels:
    {{- include "dask-gateway.daskSelector" . | nindent 4 }}
{{- end -}}

{{/* Who comes through Traefik: this chart's, or whoever the values let in. */}}
{{- define "dask-gateway.proxyPeers" -}}
{{- if .Values.traefik.installTraefik -}}
- {{- include "dask-gateway.peer" (dict "root" . "component" "traefik") | nindent 2 }}
{{- else -}}
{{ toYaml .Values.networkPolicy.clients }}
{{- end -}}
{{- end -}}

{{- define "dask-gateway.allowDns" -}}
# Names are asked for wherever the cluster answers them: a service, or a cache on the node.
- ports:
    - {port: 53, protocol: UDP}
    - {port: 53, protocol: TCP}
{{- end -}}

{{- define "dask-gateway.allowKubernetes" -}}
- ports:
    {{- range .Values.networkPolicy.kubernetesApiPorts }}
    - {port: {{ . }}, protocol: TCP}
    {{- end }}
  {{- with .Values.networkPolicy.kubernetesApi }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
