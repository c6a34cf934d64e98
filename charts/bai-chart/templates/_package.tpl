{{/*
The application package as JSON text. It is data: never passed through tpl, since CWL may hold "{{ "{{" }}".
Only the images of its tools change: to `package.image`, or for the chart's own package to `imageRegistry`.
*/}}
{{- define "bai-chart.package" -}}
{{- $text := .Values.package.cwl | default (.Files.Get "files/app-package.json") }}
{{- $package := fromJson $text }}
{{- if or (hasKey $package "Error") (not (hasKey $package "cwlVersion")) }}
{{- fail "package.cwl: not a CWL document in JSON; make one with: bai-kit package convert FILE -o app-package.json" }}
{{- end }}
{{- if gt (len $text) 1000000 }}
{{- fail (printf "package.cwl: %d bytes; a ConfigMap holds 1 MiB" (len $text)) }}
{{- end }}
{{- $repository := .Values.package.image.repository }}
{{- if and (not $repository) (not .Values.package.cwl) (include "bai-chart.imageRegistry" .) }}
{{- $repository = "ghcr.io/bai-kit/bai" }}
{{- end }}
{{- with $repository }}
{{- $image := include "bai-chart.image" (dict "root" $ "image" (dict "repository" . "tag" $.Values.package.image.tag)) }}
{{- $found := dict }}
{{- include "bai-chart.setImages" (dict "node" $package "image" $image "found" $found) }}
{{- if gt (len $found) 1 }}
{{- fail (printf "package.image: the package's tools have different images (%s); write them into the package" (keys $found | sortAlpha | join ", ")) }}
{{- end }}
{{- $text = toRawJson $package }}
{{- end }}
{{- $text }}
{{- end }}

{{/* Sets every dockerPull below .node to .image, and collects the previous images as keys of .found. */}}
{{- define "bai-chart.setImages" -}}
{{- if kindIs "map" .node }}
{{- if kindIs "string" .node.dockerPull }}
{{- $_ := set .found .node.dockerPull true }}
{{- $_ := set .node "dockerPull" .image }}
{{- end }}
{{- end }}
{{- if or (kindIs "map" .node) (kindIs "slice" .node) }}
{{- range .node }}
{{- include "bai-chart.setImages" (dict "node" . "image" $.image "found" $.found) }}
{{- end }}
{{- end }}
{{- end }}
