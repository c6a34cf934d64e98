{{/*
The one description of a run. `bai-kit run` reads it from the ConfigMap of templates/job/configmap.yaml, sets the name
(metadata.name, and the labels bai-kit/job of Job and pod) and the pod's annotation bai-kit/params, and creates it. For a
package of its own it sets the annotation bai-kit/package and the path /job/app-package.json in place of
/package/app-package.json. `job.enabled` makes a Job of it here.
*/}}
{{- define "bai-chart.job" -}}
{{- $name := .name }}
{{- with .root }}
{{- $labels := include "bai-chart.jobLabels" (dict "root" . "name" $name) }}
apiVersion: batch/v1
kind: Job
metadata:
  {{- include "bai-chart.metadata" (dict "root" . "name" $name "labels" $labels) | nindent 2 }}
spec:
  # A second try would write into the first one's folder; `bai-kit run --retries` makes a new job instead.
  backoffLimit: 0
  {{- if not (kindIs "invalid" .Values.job.ttlSecondsAfterFinished) }}
  ttlSecondsAfterFinished: {{ .Values.job.ttlSecondsAfterFinished | int64 }}
  {{- end }}
  {{- with .Values.job.activeDeadlineSeconds }}
  activeDeadlineSeconds: {{ . | int64 }}
  {{- end }}
  template:
    metadata:
      labels:
        {{- $labels | nindent 8 }}
      annotations:
        {{- with merge (dict) .Values.runner.podAnnotations .Values.commonAnnotations }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
        kubectl.kubernetes.io/default-container: runner
        bai-kit/params: {{ .Values.job.params | toRawJson | toRawJson }}
    spec:
      {{- include "bai-chart.jobPod" . | nindent 6 }}
{{- end }}
{{- end }}

{{- define "bai-chart.jobPod" -}}
serviceAccountName: {{ include "bai-chart.runner.serviceAccountName" . }}
automountServiceAccountToken: true
restartPolicy: Never
# Dismissing the clusters takes 1 to 3 s, and up to 20 s when the gateway is away.
terminationGracePeriodSeconds: 30
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- include "bai-chart.placement" .Values.runner }}
securityContext:
  {{- include "bai-chart.podSecurity" . | nindent 2 }}
containers:
  # Stays the first: Calrissian copies the volumes of its pod's first container to the steps.
  - name: runner
    command: [cwl-dask-calrissian]
    args:
      - --max-ram={{ .Values.runner.maxRam }}
      - --max-cores={{ .Values.runner.maxCores }}
      - --pod-serviceaccount={{ include "bai-chart.steps.serviceAccountName" . }}
      - --outdir=/calrissian/$(JOB_NAME)/results
      - --tmp-outdir-prefix=/calrissian/$(JOB_NAME)/tmp/
      - --stdout=/calrissian/$(JOB_NAME)/output.json
      - --stderr=/calrissian/$(JOB_NAME)/run.log
      - --usage-report=/calrissian/$(JOB_NAME)/usage.json
      {{- range .Values.runner.extraArgs }}
      - {{ . | quote }}
      {{- end }}
      - /package/app-package.json
      - /job/params.json
    resources:
      {{- toYaml .Values.runner.resources | nindent 6 }}
    {{- include "bai-chart.runnerContainer" . | nindent 4 }}
  # Ends what a killed runner left: docs/decisions/0004-guard.md
  - name: guard
    command: [cwl-dask-guard]
    resources:
      {{- toYaml .Values.runner.guardResources | nindent 6 }}
    {{- include "bai-chart.runnerContainer" . | nindent 4 }}
volumes:
  - {name: work, persistentVolumeClaim: {claimName: {{ include "bai-chart.claimName" . }}}}
  - {name: tmp, emptyDir: {}}
  - {name: guard, emptyDir: {}}
  - {name: gateway, configMap: {name: {{ include "bai-chart.gatewayName" . }}}}
  - {name: package, configMap: {name: {{ include "bai-chart.packageName" . }}}}
  - name: job
    downwardAPI:
      items:
        - {path: params.json, fieldRef: {fieldPath: "metadata.annotations['bai-kit/params']"}}
        - {path: app-package.json, fieldRef: {fieldPath: "metadata.annotations['bai-kit/package']"}}
{{- end }}

{{/* What runner and guard have in common. */}}
{{- define "bai-chart.runnerContainer" -}}
image: {{ include "bai-chart.image" (dict "root" . "image" .Values.runner.image) }}
imagePullPolicy: {{ .Values.runner.image.pullPolicy }}
env:
  - {name: CALRISSIAN_POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
  - {name: JOB_NAME, valueFrom: {fieldRef: {fieldPath: "metadata.labels['bai-kit/job']"}}}
  # uid 1000 has no entry in /etc/passwd: without USER dask-gateway finds no name, without HOME no directory.
  - {name: USER, value: {{ include "bai-chart.gatewayUser" . | quote }}}
  - {name: HOME, value: /tmp}
  - {name: CWL_DASK_GUARD, value: /run/cwl-dask}
  - {name: CWL_DASK_LOG, value: /calrissian/$(JOB_NAME)/run.log}
  {{- with include "bai-chart.passwordEnv" . }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- with .Values.runner.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
securityContext:
  {{- include "bai-chart.containerSecurity" . | nindent 2 }}
volumeMounts:
  - {name: work, mountPath: /calrissian}
  - {name: tmp, mountPath: /tmp}
  - {name: guard, mountPath: /run/cwl-dask}
  - {name: gateway, mountPath: /etc/dask, readOnly: true}
  - {name: package, mountPath: /package, readOnly: true}
  - {name: job, mountPath: /job, readOnly: true}
{{- end }}

{{- define "bai-chart.jobLabels" -}}
{{ include "bai-chart.selectorLabels" .root }}
app.kubernetes.io/component: job
bai-kit/job: {{ .name }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}
