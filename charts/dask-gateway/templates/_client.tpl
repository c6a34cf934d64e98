{{/*
How a client in the cluster connects to this release, as JSON. NOTES.txt, the test pod and `bai-kit` read this JSON. It
holds names of Secrets but no secret. The address is empty when this release does not install Traefik.
*/}}
{{- define "dask-gateway.client" -}}
{{- $traefik := .Values.traefik -}}
{{- $found := dict "auth" .Values.gateway.auth.type "address" "" "proxyAddress" "" -}}
{{- if $traefik.installTraefik -}}
{{- $service := include "dask-gateway.traefik" . -}}
{{- $host := printf "%s.%s.svc.cluster.local" $service .Release.Namespace -}}
{{- $port := int $traefik.service.ports.web.port -}}
{{- $scheme := $traefik.tls.enabled | ternary "https" "http" -}}
{{- $_ := set $found "address" (printf "%s://%s:%d%s" $scheme $host $port (include "dask-gateway.prefix" .)) -}}
{{- $_ := set $found "service" $service -}}
{{- $_ := set $found "port" $port -}}
{{- $_ := set $found "scheme" $scheme -}}
{{- $_ := set $found "prefix" (include "dask-gateway.prefix" .) -}}
{{- if ne (toString $traefik.service.ports.tcp.port) "web" -}}
{{- $_ := set $found "proxyAddress" (printf "gateway://%s:%d" $host (int $traefik.service.ports.tcp.port)) -}}
{{- end -}}
{{- if $traefik.tls.enabled -}}
{{- $_ := set $found "certificate" (dict "secretName" $traefik.tls.secretName "key" .Values.test.tlsAuthorityKey) -}}
{{- end -}}
{{- end -}}
{{- with include "dask-gateway.passwordSecret" . | fromJson -}}{{- $_ := set $found "passwordSecret" . -}}{{- end -}}
{{- toJson $found -}}
{{- end -}}
