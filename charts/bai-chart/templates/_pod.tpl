{{/*
Security contexts of the runner's, the steps' and the test's pods: the Pod Security standard "restricted", with
podSecurityContext and containerSecurityContext of the values on top. A key that the values set to null is left out.
*/}}
{{- define "bai-chart.podSecurity" -}}
{{- $base := dict "runAsNonRoot" true "runAsUser" 1000 "runAsGroup" 1000 "fsGroup" 1000 "fsGroupChangePolicy" "OnRootMismatch" "seccompProfile" (dict "type" "RuntimeDefault") -}}
{{- include "bai-chart.overlay" (list $base .Values.podSecurityContext) -}}
{{- end }}

{{- define "bai-chart.containerSecurity" -}}
{{- $base := dict "allowPrivilegeEscalation" false "readOnlyRootFilesystem" true "capabilities" (dict "drop" (list "ALL")) -}}
{{- include "bai-chart.overlay" (list $base .Values.containerSecurityContext) -}}
{{- end }}

{{/* One mapping merged over another, as YAML; keys with the value null are left out. Takes (list BASE OVER). */}}
{{- define "bai-chart.overlay" -}}
{{- $found := dict -}}
{{- range $key, $value := mergeOverwrite (deepCopy (index . 0)) (deepCopy (index . 1)) -}}
{{- if not (kindIs "invalid" $value) -}}{{- $_ := set $found $key $value -}}{{- end -}}
{{- end -}}
{{- toYaml $found -}}
{{- end }}

{{/* Pull secrets as [{name: ...}], from names and objects. */}}
{{- define "bai-chart.pullSecrets" -}}
{{- $found := list -}}
{{- range .Values.imagePullSecrets -}}{{- $found = append $found (ternary (dict "name" .) . (kindIs "string" .)) -}}{{- end -}}
{{- with $found }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "bai-chart.placement" -}}
{{- range $key := list "nodeSelector" "tolerations" "affinity" "priorityClassName" "runtimeClassName" }}
{{- with get $ $key }}
{{ dict $key . | toYaml }}
{{- end }}
{{- end }}
{{- end }}

{{/*
"repository:tag", or "repository@sha256:..." for a digest; the tag defaults to the chart's appVersion. imageRegistry
replaces the registry of a default image; a repository named in values stays unchanged.
*/}}
{{- define "bai-chart.image" -}}
{{- $tag := .image.tag | default .root.Chart.AppVersion -}}
{{- $repository := .image.repository -}}
{{- with include "bai-chart.imageRegistry" .root -}}
{{- if hasPrefix "ghcr.io/bai-kit/" $repository -}}{{- $repository = printf "%s/%s" (trimSuffix "/" .) (base $repository) -}}{{- end -}}
{{- end -}}
{{- printf "%s%s%s" $repository (ternary "@" ":" (hasPrefix "sha256:" $tag)) $tag -}}
{{- end }}

{{- define "bai-chart.imageRegistry" -}}
{{- .Values.imageRegistry | default .Values.global.imageRegistry | default "" -}}
{{- end }}
