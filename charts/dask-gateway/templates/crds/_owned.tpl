{{/* Says something when a definition is this release's to install: nobody has, or this release did. Definitions are kept
     when the release goes, and another release's, a cluster administrator's or an upstream chart's is left alone. */}}
{{- define "dask-gateway.ownsCRD" -}}
{{- $there := lookup "apiextensions.k8s.io/v1" "CustomResourceDefinition" "" .name | default dict -}}
{{- $by := dig "metadata" "annotations" (dict) $there -}}
{{- $release := printf "%s/%s" .root.Release.Namespace .root.Release.Name -}}
{{- if or (not $there) (eq $release (printf "%s/%s" (get $by "meta.helm.sh/release-namespace") (get $by "meta.helm.sh/release-name"))) -}}yes{{- end -}}
{{- end -}}
