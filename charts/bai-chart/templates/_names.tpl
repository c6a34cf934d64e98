{{/*
Names of all objects of the chart. All begin with the release's name (or fullnameOverride), so two releases in one
namespace share no object. They are cut to 45 characters to leave room for suffixes.
*/}}
{{- define "bai-chart.fullname" -}}
{{- .Values.fullnameOverride | default .Release.Name | trunc 45 | trimSuffix "-" -}}
{{- end }}

{{- define "bai-chart.runner.serviceAccountName" -}}
{{- .Values.runner.serviceAccount.name | default (printf "%s-runner" (include "bai-chart.fullname" .)) -}}
{{- end }}

{{- define "bai-chart.steps.serviceAccountName" -}}
{{- .Values.steps.serviceAccount.name | default (printf "%s-steps" (include "bai-chart.fullname" .)) -}}
{{- end }}

{{- define "bai-chart.claimName" -}}
{{- .Values.storage.existingClaim | default (printf "%s-data" (include "bai-chart.fullname" .)) -}}
{{- end }}

{{- define "bai-chart.packageName" -}}
{{ include "bai-chart.fullname" . }}-package
{{- end }}

{{- define "bai-chart.gatewayName" -}}
{{ include "bai-chart.fullname" . }}-gateway
{{- end }}

{{- define "bai-chart.jobName" -}}
{{ include "bai-chart.fullname" . }}-job
{{- end }}

{{- define "bai-chart.stepPodName" -}}
{{ include "bai-chart.fullname" . }}-steps
{{- end }}

{{- define "bai-chart.testName" -}}
{{ include "bai-chart.fullname" . }}-test
{{- end }}

{{/*
Returns "yes" when Helm installs the release, so hooks run at their proper time. With `helm template`, which has no
connection to Kubernetes, hooks are left out: `kubectl apply` would start the test at once.
`--api-versions helm.sh/hooks` includes the test.
*/}}
{{- define "bai-chart.hooksRun" -}}
{{- if or (.Capabilities.APIVersions.Has "helm.sh/hooks") (lookup "v1" "ServiceAccount" .Release.Namespace "") -}}yes{{- end -}}
{{- end }}
