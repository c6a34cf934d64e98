{{/*
Settings that the runner merges into the pod of every step, as JSON: `spec` into the pod, `container` into its containers,
`securityContext` in place of the one that Calrissian writes.
*/}}
{{- define "bai-chart.stepPod" -}}
{{- $steps := .Values.steps }}
{{- $spec := include "bai-chart.placement" $steps | fromYaml }}
{{- $spec = merge $spec (include "bai-chart.pullSecrets" . | fromYaml) }}
{{- $volumes := concat $steps.extraVolumes (include "bai-chart.certificateVolume" . | fromYamlArray) }}
{{- $mounts := concat $steps.extraVolumeMounts (include "bai-chart.certificateMount" . | fromYamlArray) }}
{{- $env := $steps.env }}
{{- if include "bai-chart.certificateVolume" . }}
{{- $env = concat (list (dict "name" "SSL_CERT_FILE" "value" "/etc/gateway-certificate/ca.crt")) $env }}
{{- end }}
{{- with $volumes }}{{ $_ := set $spec "volumes" . }}{{ end }}
{{- $container := dict }}
{{- with $env }}{{ $_ := set $container "env" . }}{{ end }}
{{- with $mounts }}{{ $_ := set $container "volumeMounts" . }}{{ end }}
{{- with .Values.containerSecurityContext }}{{ $_ := set $container "securityContext" . }}{{ end }}
{{- dict "spec" $spec "container" $container "securityContext" (include "bai-chart.podSecurity" . | fromYaml) | toPrettyJson }}
{{- end }}
