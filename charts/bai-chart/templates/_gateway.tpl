{{- define "bai-chart.gatewayAddress" -}}
{{- .Values.gateway.address | default (printf "http://traefik-dask-gateway.%s.svc.cluster.local:80" .Release.Namespace) -}}
{{- end }}

{{/* The gateway's user: one for each release, because a cluster is seen only by the user that made it. */}}
{{- define "bai-chart.gatewayUser" -}}
{{- .Values.gateway.username | default (printf "%s.%s" .Release.Namespace .Release.Name) -}}
{{- end }}

{{/*
Dask's configuration of the runner and of the steps. No secret is in it: dask-gateway fills
{DASK_GATEWAY_PASSWORD} from the environment, which comes from a Secret.
*/}}
{{- define "bai-chart.gatewayConfig" -}}
{{- $kwargs := dict "username" (include "bai-chart.gatewayUser" .) }}
{{- if .Values.gateway.passwordSecret.name }}
{{- $_ := set $kwargs "password" "{DASK_GATEWAY_PASSWORD}" }}
{{- end }}
{{- $gateway := dict "address" (include "bai-chart.gatewayAddress" .) "auth" (dict "type" "basic" "kwargs" $kwargs) }}
{{- with .Values.gateway.proxyAddress }}
{{- $_ := set $gateway "proxy-address" . }}
{{- end }}
{{- with .Values.gateway.publicAddress }}
{{- $_ := set $gateway "public-address" . }}
{{- end }}
{{- with .Values.gateway.clusterOptions }}
{{- $_ := set $gateway "cluster" (dict "options" .) }}
{{- end }}
{{- dict "gateway" $gateway | toYaml }}
{{- end }}
