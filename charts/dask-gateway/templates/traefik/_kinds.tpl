{{/* Kinds of Traefik's custom resources. The plural of a kind is its lower-case name with an s. */}}
{{- define "dask-gateway.traefik.kinds" -}}
[IngressRoute, IngressRouteTCP, IngressRouteUDP, Middleware, MiddlewareTCP, ServersTransport, ServersTransportTCP, TLSOption, TLSStore, TraefikService]
{{- end -}}

{{- define "dask-gateway.traefik.plurals" -}}
{{- $found := list -}}
{{- range include "dask-gateway.traefik.kinds" . | fromYamlArray -}}{{- $found = append $found (printf "%ss" (lower .)) -}}{{- end -}}
{{- toJson $found -}}
{{- end -}}
