{{/*
Every name in this chart comes from here. All begin with the release's name (or fullnameOverride), so two
releases in one namespace share nothing. 45 characters leave room for the suffix and a job's own.
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
Says something when Helm itself installs the release, and so runs its hooks. `helm template` asks no Kubernetes: piped
into kubectl, the test would start at once. `--api-versions helm.sh/hooks` shows the test.
*/}}
{{- define "bai-chart.hooksRun" -}}
{{- if or (.Capabilities.APIVersions.Has "helm.sh/hooks") (lookup "v1" "ServiceAccount" .Release.Namespace "") -}}yes{{- end -}}
{{- end }}
