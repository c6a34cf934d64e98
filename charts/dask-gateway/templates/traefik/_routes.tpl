{{/* Configuration of Traefik's file provider. */}}
{{- define "dask-gateway.traefik.routes" -}}
{{- $prefix := include "dask-gateway.prefix" . -}}
http:
  routers:
    api:
      entryPoints: [web]
      rule: PathPrefix(`{{ $prefix }}/api`)
      service: api
      {{- if $prefix }}
      middlewares: [prefix]
      {{- end }}
    {{- if .Values.traefik.dashboard }}
    dashboard:
      entryPoints: [traefik]
      rule: PathPrefix(`/dashboard`) || PathPrefix(`/api`)
      service: api@internal
    {{- end }}
  middlewares:
    clusters:
      stripPrefixRegex:
        regex: ['{{ $prefix | regexQuoteMeta }}/clusters/[a-zA-Z0-9.-]+']
    {{- if $prefix }}
    prefix:
      stripPrefix:
        prefixes: [{{ $prefix | quote }}]
    {{- end }}
  services:
    api:
      loadBalancer:
        servers:
          - url: http://{{ include "dask-gateway.api" . }}.{{ .Release.Namespace }}:8000
{{- if .Values.traefik.tls.enabled }}
tls:
  stores:
    default:
      defaultCertificate:
        certFile: /etc/traefik-tls/tls.crt
        keyFile: /etc/traefik-tls/tls.key
{{- end }}
{{- end -}}
