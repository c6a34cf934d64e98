{{/* Parts of pods that all components share. Every template takes root, component and values (PodSettings). */}}

{{- define "dask-gateway.podMetadata" -}}
metadata:
  labels:
    {{- include "dask-gateway.selector" . | nindent 4 }}
    {{- with merge (deepCopy .values.labels) .root.Values.commonLabels (default (dict) .moreLabels) }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with merge (deepCopy .values.annotations) (default (dict) .moreAnnotations) .root.Values.commonAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{/* Pull secrets as [{name: ...}], from names and objects. */}}
{{- define "dask-gateway.pullSecrets" -}}
{{- $found := list -}}
{{- range . -}}{{- $found = append $found (ternary (dict "name" .) . (kindIs "string" .)) -}}{{- end -}}
{{- uniq $found | toJson -}}
{{- end -}}

{{/* A pod's security context: the Pod Security standard `restricted`, then the chart's podSecurityContext, then that of
     one component. Takes root and over (the component's). Keys with the value null are left out. */}}
{{- define "dask-gateway.podSecurity" -}}
{{- $base := dict "runAsNonRoot" true "runAsUser" 1000 "runAsGroup" 1000 "fsGroup" 1000 "seccompProfile" (dict "type" "RuntimeDefault") -}}
{{- $whole := mergeOverwrite $base (deepCopy .root.Values.podSecurityContext) -}}
{{- include "dask-gateway.withoutNull" (mergeOverwrite $whole (deepCopy .over)) -}}
{{- end -}}

{{- define "dask-gateway.containerSecurity" -}}
{{- $base := dict "allowPrivilegeEscalation" false "readOnlyRootFilesystem" true "capabilities" (dict "drop" (list "ALL")) -}}
{{- include "dask-gateway.withoutNull" (mergeOverwrite $base (deepCopy .)) -}}
{{- end -}}

{{- define "dask-gateway.withoutNull" -}}
{{- $found := dict -}}
{{- range $key, $value := . -}}
{{- if not (kindIs "invalid" $value) -}}{{- $_ := set $found $key $value -}}{{- end -}}
{{- end -}}
{{- toYaml $found -}}
{{- end -}}

{{/* extraPodConfig of Dask's pods, its securityContext merged over the chart's. Takes root and pod. */}}
{{- define "dask-gateway.daskPod" -}}
{{- $over := .pod.securityContext | default dict -}}
{{- set (omit .pod "securityContext") "securityContext" (include "dask-gateway.podSecurity" (dict "root" .root "over" $over) | fromYaml) | toJson -}}
{{- end -}}

{{/* The first part of a pod's spec, up to its containers. */}}
{{- define "dask-gateway.podSpec" -}}
serviceAccountName: {{ include "dask-gateway.serviceAccount" . }}
automountServiceAccountToken: true
securityContext:
  {{- include "dask-gateway.podSecurity" (dict "root" .root "over" .values.podSecurityContext) | nindent 2 }}
{{- with include "dask-gateway.pullSecrets" (concat .values.imagePullSecrets .root.Values.imagePullSecrets) | fromJsonArray }}
imagePullSecrets: {{ toJson . }}
{{- end }}
{{- include "dask-gateway.placement" .values }}
{{- with .values.topologySpreadConstraints }}
{{- $own := dict "labelSelector" (dict "matchLabels" (include "dask-gateway.selector" $ | fromYaml)) }}
topologySpreadConstraints:
  {{- range . }}
  - {{ merge (deepCopy .) $own | toJson }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* Where a pod runs. Takes the component's values. */}}
{{- define "dask-gateway.placement" -}}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .nodeSelector }}
nodeSelector: {{ toJson . }}
{{- end }}
{{- with .affinity }}
affinity: {{ toJson . }}
{{- end }}
{{- with .tolerations }}
tolerations: {{ toJson . }}
{{- end }}
{{- end -}}

{{- define "dask-gateway.serviceAccount" -}}
{{- $key := eq .component "api" | ternary "gateway" .component -}}
{{- if .root.Values.rbac.enabled -}}
{{- include (printf "dask-gateway.%s" .component) .root -}}
{{- else -}}
{{- default "default" (get .root.Values.rbac $key).serviceAccountName -}}
{{- end -}}
{{- end -}}

{{/* Resources of a container, without empty mappings and without amounts that are null. */}}
{{- define "dask-gateway.resources" -}}
{{- $found := dict -}}
{{- range $kind := list "requests" "limits" -}}
{{- $amounts := dict -}}
{{- range $name, $amount := get $ $kind -}}
{{- if not (kindIs "invalid" $amount) -}}{{- $_ := set $amounts $name (toString $amount) -}}{{- end -}}
{{- end -}}
{{- if $amounts -}}{{- $_ := set $found $kind $amounts -}}{{- end -}}
{{- end -}}
{{- toJson $found -}}
{{- end -}}

{{/* A probe of a container. Takes name, probe (from the values) and handler. */}}
{{- define "dask-gateway.probe" -}}
{{- if .probe.enabled }}
{{ .name }}:
  {{- toYaml (merge (omit .probe "enabled") .handler) | nindent 2 }}
{{- end }}
{{- end -}}

{{/* The last part of a container, after its command and ports. */}}
{{- define "dask-gateway.container" -}}
resources: {{ include "dask-gateway.resources" .values.resources }}
terminationMessagePolicy: FallbackToLogsOnError
securityContext:
  {{- include "dask-gateway.containerSecurity" .values.containerSecurityContext | nindent 2 }}
{{- with .values.envFrom }}
envFrom: {{ toJson . }}
{{- end }}
{{- end -}}

{{/* A component's service account, and its Role and RoleBinding or, for rbac.scope cluster, ClusterRole and
     ClusterRoleBinding. Takes root, component and rules. */}}
{{- define "dask-gateway.rights" -}}
{{- $wide := eq .root.Values.rbac.scope "cluster" -}}
{{- $account := include (printf "dask-gateway.%s" .component) .root -}}
{{- $name := $wide | ternary (printf "%s-%s" .root.Release.Namespace $account) $account -}}
{{- $namespace := include "dask-gateway.namespace" .root -}}
{{- $metadata := include "dask-gateway.metadata" (dict "root" .root "component" .component "name" $name "namespace" $namespace) | fromYaml -}}
{{- if $wide -}}{{- $_ := unset $metadata.metadata "namespace" -}}{{- end -}}
apiVersion: v1
kind: ServiceAccount
{{ include "dask-gateway.metadata" (dict "root" .root "component" .component "name" $account "annotations" .root.Values.rbac.serviceAccountAnnotations) }}
automountServiceAccountToken: false
{{- with include "dask-gateway.pullSecrets" .root.Values.imagePullSecrets | fromJsonArray }}
imagePullSecrets: {{ toJson . }}
{{- end }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $wide | ternary "ClusterRole" "Role" }}
{{ toYaml $metadata }}
rules:
  {{- .rules | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $wide | ternary "ClusterRoleBinding" "RoleBinding" }}
{{ toYaml $metadata }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ $wide | ternary "ClusterRole" "Role" }}
  name: {{ $name }}
subjects:
  - kind: ServiceAccount
    name: {{ $account }}
    namespace: {{ .root.Release.Namespace }}
{{- end -}}

{{/* A PodDisruptionBudget. Takes root, component and pdb. */}}
{{- define "dask-gateway.pdb" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
{{ include "dask-gateway.metadata" (dict "root" .root "component" .component "name" (include (printf "dask-gateway.%s" .component) .root)) }}
spec:
  selector:
    matchLabels:
      {{- include "dask-gateway.selector" . | nindent 6 }}
  {{- if kindIs "invalid" .pdb.minAvailable }}
  maxUnavailable: {{ .pdb.maxUnavailable }}
  {{- else }}
  minAvailable: {{ .pdb.minAvailable }}
  {{- end }}
{{- end -}}

{{/* Checksums of the settings, so pods are replaced when the settings change. */}}
{{- define "dask-gateway.serverChecksum" -}}
checksum/config: {{ include "dask-gateway.settings" . | sha256sum }}
checksum/code: {{ (.Files.Glob "files/server/*.py").AsConfig | sha256sum }}
{{- end -}}

{{/* Image of the API server (component api) or of the controller, with its pull policy. */}}
{{- define "dask-gateway.serverImage" -}}
{{- $image := .root.Values.gateway.image -}}
{{- if .image.name -}}{{- $image = .image -}}{{- end -}}
image: {{ include "dask-gateway.image" (dict "root" .root "image" $image) }}
{{- with default $image.pullPolicy .image.pullPolicy }}
imagePullPolicy: {{ . }}
{{- end }}
{{- end -}}
