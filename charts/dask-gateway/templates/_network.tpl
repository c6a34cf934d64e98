{{/* Peers and rules of the NetworkPolicies. */}}

{{/* Peer: the pods of a component in the release's namespace. Takes root and component. */}}
{{- define "dask-gateway.peer" -}}
namespaceSelector:
  matchLabels: {kubernetes.io/metadata.name: {{ .root.Release.Namespace }}}
podSelector:
  matchLabels:
    {{- include "dask-gateway.selector" . | nindent 4 }}
{{- end -}}

{{/* Peer: the clusters' pods in every namespace that may hold clusters. Takes root and, optionally, component. */}}
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

{{/* Peers that forward clients' requests: this chart's Traefik, or networkPolicy.clients if it installs none. */}}
{{- define "dask-gateway.proxyPeers" -}}
{{- if .Values.traefik.installTraefik -}}
- {{- include "dask-gateway.peer" (dict "root" . "component" "traefik") | nindent 2 }}
{{- else -}}
{{ toYaml .Values.networkPolicy.clients }}
{{- end -}}
{{- end -}}

{{- define "dask-gateway.allowDns" -}}
# No `to`, because clusters differ in where DNS runs: in a Service, or in a cache on the node.
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
