{{/*
The Job of a run. `bai-kit run` reads it from the ConfigMap of templates/job/configmap.yaml and creates a Job from it.
`bai-kit run` sets the name (metadata.name, the labels bai-kit/job of Job and pod, and the subPath "JOB" of the
mounts of the volume `work`) and the annotation bai-kit/params of the pod. For a package other than the release's it also
sets the annotation bai-kit/package, and the path /job/app-package.json in place of /package/app-package.json.
`job.enabled` creates the same Job with the release. Takes (dict "root" $ "name" NAME "folder" SUBPATH).
*/}}
{{- define "bai-chart.job" -}}
{{- $name := .name }}
{{- $folder := .folder }}
{{- with .root }}
{{- $labels := include "bai-chart.jobLabels" (dict "root" . "name" $name) }}
apiVersion: batch/v1
kind: Job
metadata:
  {{- $queue := ternary (printf "%s\nkueue.x-k8s.io/queue-name: %s" $labels .Values.job.queue) $labels (ne .Values.job.queue "") }}
  {{- include "bai-chart.metadata" (dict "root" . "name" $name "labels" $queue) | nindent 2 }}
spec:
  {{- if .Values.job.queue }}
  # The Job is created suspended; Kueue starts it when its queue has free quota.
  suspend: true
  {{- end }}
  # A second pod would write into the folder of the first; `bai-kit run --retries` creates a new job instead.
  backoffLimit: 0
  # An evicted runner's pod is soon removed; the Job's condition then still says that the pod was evicted.
  podFailurePolicy:
    rules:
      - {action: FailJob, onPodConditions: [{type: DisruptionTarget, status: "True"}]}
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
      {{- include "bai-chart.jobPod" (dict "root" . "folder" $folder) | nindent 6 }}
{{- end }}
{{- end }}

{{- define "bai-chart.jobPod" -}}
{{- $folder := .folder }}
{{- with .root }}
serviceAccountName: {{ include "bai-chart.runner.serviceAccountName" . }}
# Only the guard mounts the token: docs/decisions/0014-the-runners-token.md
automountServiceAccountToken: false
restartPolicy: Never
{{- if .Values.job.maxRunning }}
# The largest value, 68 years: it limits nothing, but lets the quota of job/quota.yaml count this pod.
activeDeadlineSeconds: 2147483647
{{- end }}
# Dismissing the clusters takes 1 to 3 s, and up to 20 s when the gateway does not answer.
terminationGracePeriodSeconds: 30
enableServiceLinks: false
{{- include "bai-chart.pullSecrets" . }}
{{- include "bai-chart.placement" .Values.runner }}
securityContext:
  {{- include "bai-chart.podSecurity" . | nindent 2 }}
containers:
  # The runner must be the first container: Calrissian copies the volumes of the first one to the steps.
  - name: runner
    command: [cwl-dask-calrissian]
    args:
      - --max-ram={{ .Values.runner.maxRam }}
      - --max-cores={{ .Values.runner.maxCores }}
      - --pod-serviceaccount={{ include "bai-chart.steps.serviceAccountName" . }}
      - --outdir=/calrissian/results
      - --tmp-outdir-prefix=/calrissian/tmp/
      - --stdout=/calrissian/output.json
      - --stderr=/calrissian/run.log
      - --usage-report=/calrissian/usage.json
      {{- range .Values.runner.extraArgs }}
      - {{ . | quote }}
      {{- end }}
      - /package/app-package.json
      - /job/params.json
    resources:
      {{- toYaml .Values.runner.resources | nindent 6 }}
    {{- include "bai-chart.runnerContainer" (dict "root" . "folder" $folder) | nindent 4 }}
  # The guard passes the runner's requests on to the Kubernetes API, and ends the clusters and steps of a killed runner:
  # docs/decisions/0004-guard.md
  - name: guard
    command: [cwl-dask-guard]
    resources:
      {{- toYaml .Values.runner.guardResources | nindent 6 }}
    {{- include "bai-chart.runnerContainer" (dict "root" . "folder" $folder) | nindent 4 }}
      - {name: token, mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true}
volumes:
  - name: token
    projected:
      sources:
        - serviceAccountToken: {path: token, expirationSeconds: 3607}
        - configMap: {name: kube-root-ca.crt, items: [{key: ca.crt, path: ca.crt}]}
        - downwardAPI: {items: [{path: namespace, fieldRef: {fieldPath: metadata.namespace}}]}
  - {name: work, persistentVolumeClaim: {claimName: {{ include "bai-chart.claimName" . }}}}
  - {name: tmp, emptyDir: {}}
  - {name: guard, emptyDir: {}}
  - {name: gateway, configMap: {name: {{ include "bai-chart.gatewayName" . }}}}
  - {name: step-pod, configMap: {name: {{ include "bai-chart.stepPodName" . }}}}
  - {name: package, configMap: {name: {{ include "bai-chart.packageName" . }}}}
  - name: job
    downwardAPI:
      items:
        - {path: params.json, fieldRef: {fieldPath: "metadata.annotations['bai-kit/params']"}}
        - {path: app-package.json, fieldRef: {fieldPath: "metadata.annotations['bai-kit/package']"}}
  {{- with include "bai-chart.certificateVolume" . }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- with .Values.runner.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- end }}

{{/* Image, environment, mounts and security context of both containers. */}}
{{- define "bai-chart.runnerContainer" -}}
{{- $folder := .folder }}
{{- with .root }}
image: {{ include "bai-chart.image" (dict "root" . "image" .Values.runner.image) }}
imagePullPolicy: {{ .Values.runner.image.pullPolicy }}
env:
  - {name: CALRISSIAN_POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
  - {name: JOB_NAME, valueFrom: {fieldRef: {fieldPath: "metadata.labels['bai-kit/job']"}}}
  # The user id may have no entry in /etc/passwd, so dask-gateway reads USER and Python reads HOME.
  - {name: USER, value: {{ include "bai-chart.gatewayUser" . | quote }}}
  - {name: HOME, value: /tmp}
  - {name: CWL_DASK_GUARD, value: /run/cwl-dask}
  - {name: CWL_DASK_FAILURE, value: /calrissian/failure.json}
  - {name: CWL_DASK_STEP_POD, value: /etc/cwl-dask/step-pod.json}
  - {name: CWL_DASK_POD_RULES, value: {{ include "bai-chart.podRules" . | quote }}}
  - {name: CWL_DASK_PENDING_SECONDS, value: {{ .Values.runner.pendingSeconds | quote }}}
  - {name: CWL_DASK_LOG, value: /calrissian/run.log}
  {{- include "bai-chart.gatewayEnv" . | nindent 2 }}
  {{- with .Values.runner.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
securityContext:
  {{- include "bai-chart.containerSecurity" . | nindent 2 }}
volumeMounts:
  - {name: work, mountPath: /calrissian, subPath: {{ $folder }}}
  - {name: tmp, mountPath: /tmp}
  - {name: guard, mountPath: /run/cwl-dask}
  - {name: gateway, mountPath: /etc/dask, readOnly: true}
  - {name: package, mountPath: /package, readOnly: true}
  - {name: step-pod, mountPath: /etc/cwl-dask, readOnly: true}
  - {name: job, mountPath: /job, readOnly: true}
  {{- include "bai-chart.certificateMount" . | nindent 2 }}
  {{- with .Values.runner.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "bai-chart.jobLabels" -}}
{{ include "bai-chart.selectorLabels" .root }}
app.kubernetes.io/component: job
bai-kit/job: {{ .name }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}
