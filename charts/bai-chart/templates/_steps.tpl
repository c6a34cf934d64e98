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

{{/*
What the pods of steps may use, as JSON: the rules of the guard's relay (cwl_dask/calrissian/podrules.py) and of the
admission policy. Secrets and claims are those that the values themselves put into the steps' pods.
*/}}
{{- define "bai-chart.podRules" -}}
{{- $secrets := list .Values.gateway.passwordSecret.name .Values.gateway.tokenSecret.name .Values.gateway.certificate.secretName }}
{{- $claims := list }}
{{- range .Values.steps.env }}
{{- $secrets = append $secrets (dig "valueFrom" "secretKeyRef" "name" "" .) }}
{{- end }}
{{- range .Values.steps.extraVolumes }}
{{- $secrets = append $secrets (dig "secret" "secretName" "" .) }}
{{- $claims = append $claims (dig "persistentVolumeClaim" "claimName" "" .) }}
{{- end }}
{{- $rules := dict "account" (include "bai-chart.steps.serviceAccountName" .) "work" (include "bai-chart.claimName" .) }}
{{- $_ := set $rules "secrets" (without $secrets "" | uniq) }}
{{- $_ := set $rules "claims" (without $claims "" | uniq) }}
{{- $rules | toJson }}
{{- end }}
