{{- define "bai-chart.gatewayAddress" -}}
{{- .Values.gateway.address | default (printf "http://traefik-dask-gateway.%s.svc.cluster.local:80" .Release.Namespace) -}}
{{- end }}

{{/* The gateway's user. The default differs for every release, because users see only their own clusters. */}}
{{- define "bai-chart.gatewayUser" -}}
{{- .Values.gateway.username | default (printf "%s.%s" .Release.Namespace .Release.Name) -}}
{{- end }}

{{/*
Dask's configuration of the runner and of the steps. It holds no secret: dask-gateway fills {DASK_GATEWAY_PASSWORD} from
the environment and reads JUPYTERHUB_API_TOKEN there, and both variables come from Secrets.
*/}}
{{- define "bai-chart.gatewayConfig" -}}
{{- $auth := .Values.gateway.auth }}
{{- $kwargs := deepCopy $auth.kwargs }}
{{- if eq $auth.type "basic" }}
{{- $_ := set $kwargs "username" (include "bai-chart.gatewayUser" .) }}
{{- if .Values.gateway.passwordSecret.name }}
{{- $_ := set $kwargs "password" "{DASK_GATEWAY_PASSWORD}" }}
{{- end }}
{{- end }}
{{- $said := dict "type" $auth.type }}
{{- with $kwargs }}{{ $_ := set $said "kwargs" . }}{{ end }}
{{- $gateway := dict "address" (include "bai-chart.gatewayAddress" .) "auth" $said }}
{{- with .Values.gateway.proxyAddress }}
{{- $_ := set $gateway "proxy-address" . }}
{{- end }}
{{- with .Values.gateway.publicAddress }}
{{- $_ := set $gateway "public-address" . }}
{{- end }}
{{- $cluster := dict }}
{{- with .Values.gateway.clusterOptions }}{{ $_ := set $cluster "options" . }}{{ end }}
{{- with .Values.gateway.optionNames }}{{ $_ := set $cluster "option-names" . }}{{ end }}
{{- with $cluster }}{{ $_ := set $gateway "cluster" . }}{{ end }}
{{- dict "gateway" $gateway | toYaml }}
{{- end }}

{{/*
Environment by which runner and steps sign in at the gateway: the variables that gateway.yaml and dask-gateway read. The
runner copies these entries to its steps.
*/}}
{{- define "bai-chart.gatewayEnv" -}}
{{- with .Values.gateway }}
{{- if and (eq .auth.type "jupyterhub") (not .tokenSecret.name) }}
{{- fail "gateway.tokenSecret.name: gateway.auth.type is jupyterhub, so name the Secret that holds a token of the hub" }}
{{- end }}
{{- with .passwordSecret }}
{{- if .name }}
- {name: DASK_GATEWAY_PASSWORD, valueFrom: {secretKeyRef: {name: {{ .name }}, key: {{ .key }}}}}
{{- end }}
{{- end }}
{{- with .tokenSecret }}
{{- if .name }}
- {name: JUPYTERHUB_API_TOKEN, valueFrom: {secretKeyRef: {name: {{ .name }}, key: {{ .key }}}}}
{{- end }}
{{- end }}
{{- end }}
{{- with include "bai-chart.certificateVolume" . }}
# OpenSSL reads this file in addition to the system's directory of certificates.
- {name: SSL_CERT_FILE, value: /etc/gateway-certificate/ca.crt}
{{- end }}
{{- end }}

{{/*
The authority that signed the gateway's certificate. It is optional, because a Secret with a certificate of a public
authority holds no authority of its own. Of a Secret only this key is mounted: never the private key.
*/}}
{{- define "bai-chart.certificateVolume" -}}
{{- with .Values.gateway.certificate }}
{{- if .secretName }}
- name: gateway-certificate
  secret: {secretName: {{ .secretName }}, optional: true, items: [{key: {{ .key }}, path: ca.crt}]}
{{- else if .configMapName }}
- name: gateway-certificate
  configMap: {name: {{ .configMapName }}, items: [{key: {{ .key }}, path: ca.crt}]}
{{- end }}
{{- end }}
{{- end }}

{{- define "bai-chart.certificateMount" -}}
{{- with include "bai-chart.certificateVolume" . }}
- {name: gateway-certificate, mountPath: /etc/gateway-certificate, readOnly: true}
{{- end }}
{{- end }}
