{{/* settings.json: the values that API server and controller read. It holds no secrets; those come from environment
     variables. All keys are listed one by one, because Helm 4 drops keys whose default is null and Helm 3 keeps them. */}}
{{- define "dask-gateway.settings" -}}
{{- $values := .Values -}}
{{- $backend := .Values.gateway.backend -}}
{{- $worker := $backend.worker -}}
{{- $scheduler := $backend.scheduler -}}
{{- $environment := dict -}}
{{- range $name, $value := $backend.environment -}}
{{- $_ := set $environment $name (ternary $value (toJson $value) (kindIs "string" $value)) -}}
{{- end -}}
{{- $options := deepCopy .Values.gateway.clusterOptions -}}
{{- $cores := default 0.5 $worker.cores.request -}}
{{- $own := dict
      "workerCores" $cores
      "workerCoresLimit" (default $cores $worker.cores.limit)
      "workerMemory" (default "2 G" $worker.memory.request) -}}
{{- range $name, $default := $own -}}
{{- $option := get $options $name -}}
{{- if kindIs "invalid" $option.default -}}{{- $_ := set $option "default" $default -}}{{- end -}}
{{- end -}}
{{- $extra := $values.gateway.extraConfig -}}
{{- if kindIs "string" $extra -}}{{- $extra = ternary (dict "extraConfig" $extra) (dict) (ne $extra "") -}}{{- end -}}
{{- $middleware := $values.traefik.installTraefik | ternary "clusters@file" (include "dask-gateway.traefik" .) -}}
{{- $entrypoints := $values.traefik.entrypoints -}}
{{- if $values.traefik.installTraefik -}}
{{- $entrypoints = dict "web" "web" "tcp" (eq (toString $values.traefik.service.ports.tcp.port) "web" | ternary "web" "tcp") -}}
{{- end -}}
{{- dict
  "instance" (include "dask-gateway.instance" .)
  "apiUrl" (printf "http://%s.%s:8000/api" (include "dask-gateway.api" .) .Release.Namespace)
  "namespace" (include "dask-gateway.namespace" .)
  "scope" $values.rbac.scope
  "labels" (merge (dict "app.kubernetes.io/name" "dask-gateway" "app.kubernetes.io/managed-by" "dask-gateway") $values.commonLabels)
  "annotations" $values.commonAnnotations
  "loglevel" $values.gateway.loglevel
  "maxClustersPerUser" $values.gateway.maxClustersPerUser
  "schedulerPatience" $values.gateway.schedulerPatience
  "auth" (dict
    "type" $values.gateway.auth.type
    "jupyterhub" (dict
      "apiUrl" $values.gateway.auth.jupyterhub.apiUrl
      "jupyterhubServiceName" $values.gateway.auth.jupyterhub.jupyterhubServiceName)
    "custom" (dict "class" $values.gateway.auth.custom.class "config" $values.gateway.auth.custom.config))
  "backend" (dict
    "image" (include "dask-gateway.image" (dict "root" . "image" $backend.image))
    "pullPolicy" $backend.image.pullPolicy
    "imagePullSecrets" (include "dask-gateway.pullSecrets" (concat $backend.imagePullSecrets $values.imagePullSecrets) | fromJsonArray)
    "environment" $environment
    "schedulerCmd" $backend.schedulerCmd
    "workerCmd" $backend.workerCmd
    "terminationGracePeriodSeconds" $backend.terminationGracePeriodSeconds
    "scheduler" (dict "extraPodConfig" (include "dask-gateway.daskPod" (dict "root" . "pod" $scheduler.extraPodConfig) | fromJson) "extraContainerConfig" $scheduler.extraContainerConfig
      "labels" $scheduler.labels "annotations" (merge (deepCopy $scheduler.annotations) (include "dask-gateway.scrape" (dict "root" . "port" 8787) | fromYaml)))
    "worker" (dict "extraPodConfig" (include "dask-gateway.daskPod" (dict "root" . "pod" $worker.extraPodConfig) | fromJson) "extraContainerConfig" $worker.extraContainerConfig
      "labels" $worker.labels "annotations" $worker.annotations))
  "clusterConfig" (dict
    "idle_timeout" (int $values.gateway.idleTimeout)
    "cluster_max_cores" $values.gateway.clusterMaxCores
    "cluster_max_memory" $values.gateway.clusterMaxMemory
    "cluster_max_workers" $values.gateway.clusterMaxWorkers
    "scheduler_cores" $scheduler.cores.request
    "scheduler_cores_limit" $scheduler.cores.limit
    "scheduler_memory" $scheduler.memory.request
    "scheduler_memory_limit" $scheduler.memory.limit
    "worker_cores" $worker.cores.request
    "worker_cores_limit" $worker.cores.limit
    "worker_memory" $worker.memory.request
    "worker_memory_limit" $worker.memory.limit
    "worker_threads" $worker.threads)
  "clusterOptions" $options
  "controller" (dict
    "address" ":8000"
    "log_level" $values.controller.loglevel
    "start_timeout" $values.gateway.startTimeout
    "completed_cluster_max_age" $values.controller.completedClusterMaxAge
    "completed_cluster_cleanup_period" $values.controller.completedClusterCleanupPeriod
    "backoff_base_delay" $values.controller.backoffBaseDelay
    "backoff_max_delay" $values.controller.backoffMaxDelay
    "k8s_api_rate_limit" $values.controller.k8sApiRateLimit
    "k8s_api_rate_limit_burst" $values.controller.k8sApiRateLimitBurst
    "proxy_prefix" (include "dask-gateway.prefix" .)
    "proxy_web_entrypoint" $entrypoints.web
    "proxy_tcp_entrypoint" $entrypoints.tcp
    "proxy_web_middlewares" (list (dict "name" $middleware)))
  "extraConfig" $extra
  | toPrettyJson -}}
{{- end -}}

{{/* Annotations by which Prometheus finds a pod. Takes root and port. */}}
{{- define "dask-gateway.scrape" -}}
{{- if and .root.Values.metrics.enabled .root.Values.metrics.annotations -}}
prometheus.io/scrape: "true"
prometheus.io/port: {{ .port | quote }}
prometheus.io/path: /metrics
{{- end -}}
{{- end -}}
