{{/* Names of all objects of the release. The controller names the Services of clusters. */}}

{{- define "dask-gateway.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 47 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 47 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 47 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "dask-gateway.api" -}}api-{{ include "dask-gateway.fullname" . }}{{- end -}}
{{- define "dask-gateway.controller" -}}controller-{{ include "dask-gateway.fullname" . }}{{- end -}}
{{- define "dask-gateway.traefik" -}}traefik-{{ include "dask-gateway.fullname" . }}{{- end -}}
{{- define "dask-gateway.hooks" -}}hooks-{{ include "dask-gateway.fullname" . }}{{- end -}}
{{- define "dask-gateway.auth" -}}{{ include "dask-gateway.fullname" . }}-auth{{- end -}}
{{- define "dask-gateway.server" -}}{{ include "dask-gateway.fullname" . }}-server{{- end -}}
{{- define "dask-gateway.clientName" -}}{{ include "dask-gateway.fullname" . }}-client{{- end -}}
{{- define "dask-gateway.test" -}}{{ include "dask-gateway.fullname" . }}-test{{- end -}}
{{- define "dask-gateway.dask" -}}{{ include "dask-gateway.fullname" . }}-dask{{- end -}}

{{/* Returns "yes" when Helm installs the release, so hooks run at their proper time. With `helm template`, which has no
     connection to Kubernetes, hooks are left out: `kubectl apply` would start the clean-up Job and the test at once.
     `--api-versions helm.sh/hooks` includes them. */}}
{{- define "dask-gateway.hooksRun" -}}
{{- if or (.Capabilities.APIVersions.Has "helm.sh/hooks") (lookup "v1" "ServiceAccount" .Release.Namespace "") -}}yes{{- end -}}
{{- end -}}

{{/* The namespace of the clusters. */}}
{{- define "dask-gateway.namespace" -}}
{{- default .Release.Namespace .Values.gateway.backend.namespace -}}
{{- end -}}

{{/* Value of the label that marks this release's clusters. It includes the release's namespace when several releases
     can see the same clusters. */}}
{{- define "dask-gateway.instance" -}}
{{- $own := and (eq .Values.rbac.scope "namespace") (eq (include "dask-gateway.namespace" .) .Release.Namespace) -}}
{{- $name := include "dask-gateway.fullname" . -}}
{{- if $own -}}{{ $name }}{{- else -}}
{{- $long := printf "%s.%s" .Release.Namespace $name -}}
{{- if gt (len $long) 63 -}}{{ printf "%s-%s" ($long | trunc 52) ($long | sha256sum | trunc 10) }}{{- else -}}{{ $long }}{{- end -}}
{{- end -}}
{{- end -}}

{{/* Returns repository:tag or repository@digest. Takes image (name, tag) and root. imageRegistry replaces the registry
     of a default image; an image named in values stays unchanged. */}}
{{- define "dask-gateway.image" -}}
{{- $tag := default .root.Chart.AppVersion .image.tag -}}
{{- $name := .image.name -}}
{{- with .root.Values.imageRegistry | default .root.Values.global.imageRegistry -}}
{{- if or (hasPrefix "ghcr.io/bai-kit/" $name) (eq $name "docker.io/traefik") -}}
{{- $name = printf "%s/%s" (trimSuffix "/" .) (base $name) -}}
{{- end -}}
{{- end -}}
{{- if hasPrefix "sha256:" $tag -}}{{ $name }}@{{ $tag }}{{- else -}}{{ $name }}:{{ $tag }}{{- end -}}
{{- end -}}

{{/* traefik.image as JSON. A Traefik before 3.4 does not know the option disableClusterScopeResources, and without this
     option it waits for rights on nodes; so the chart's own version replaces an older tag. */}}
{{- define "dask-gateway.traefikImage" -}}
{{- $image := deepCopy .Values.traefik.image -}}
{{- $version := trimPrefix "v" $image.tag -}}
{{- if and (regexMatch "^[0-9]+\\.[0-9]+(\\.[0-9]+)?$" $version) (semverCompare "<3.4" $version) -}}
{{- $_ := set $image "tag" .Chart.Annotations.traefik -}}
{{- end -}}
{{- toJson $image -}}
{{- end -}}

{{/* The URL prefix without its trailing slash; empty for "/". */}}
{{- define "dask-gateway.prefix" -}}{{ .Values.gateway.prefix | trimSuffix "/" }}{{- end -}}

{{/* Name and key of the Secret with the password, as JSON; an empty mapping when there is no password. */}}
{{- define "dask-gateway.passwordSecret" -}}
{{- $found := dict -}}
{{- with .Values.gateway.auth -}}
{{- if ne .type "simple" -}}
{{- else if .simple.existingSecret -}}{{ $found = dict "name" .simple.existingSecret "key" .simple.existingSecretKey }}
{{- else if or .simple.password .simple.generatePassword -}}{{ $found = dict "name" (include "dask-gateway.auth" $) "key" "password" }}
{{- end -}}
{{- end -}}
{{- toJson $found -}}
{{- end -}}
