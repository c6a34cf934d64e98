{{/* Returns "yes" when this release may install a resource definition: it does not exist, or this release installed it.
     Definitions stay after an uninstall. One from another release, an administrator or an upstream chart is not changed. */}}
{{- define "dask-gateway.ownsCRD" -}}
{{- $there := lookup "apiextensions.k8s.io/v1" "CustomResourceDefinition" "" .name | default dict -}}
{{- $by := dig "metadata" "annotations" (dict) $there -}}
{{- $release := printf "%s/%s" .root.Release.Namespace .root.Release.Name -}}
{{- if or (not $there) (eq $release (printf "%s/%s" (get $by "meta.helm.sh/release-namespace") (get $by "meta.helm.sh/release-name"))) -}}yes{{- end -}}
{{- end -}}
