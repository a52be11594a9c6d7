{{- define "resolver.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "resolver.fullname" -}}
{{- $name := include "resolver.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 54 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 54 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 54 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What chooses the Pods; it must not change between versions. */}}
{{- define "resolver.selectorLabels" -}}
app.kubernetes.io/name: {{ include "resolver.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* Pods have no label that changes with the chart: a new version of it alone starts none anew. */}}
{{- define "resolver.podLabels" -}}
{{ include "resolver.selectorLabels" . }}
app.kubernetes.io/component: dns
{{- with .Values.k8sApp }}
k8s-app: {{ . }}
{{- end }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "resolver.labels" -}}
{{ include "resolver.podLabels" . }}
app.kubernetes.io/version: {{ default .Chart.AppVersion .Values.image.tag | trunc 63 | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* The metadata of an object but its name: (dict "of" $ "labels" ... "annotations" ... "namespace" ...) */}}
{{- define "resolver.metadata" -}}
{{- if not .everywhere -}}
namespace: {{ default .of.Release.Namespace .namespace }}
{{ end -}}
labels:
  {{- include "resolver.labels" .of | nindent 2 }}
  {{- with .labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- if or .annotations .of.Values.commonAnnotations }}
annotations:
  {{- with .of.Values.commonAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- with .annotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- end -}}

{{- define "resolver.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "resolver.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "resolver.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "resolver.serviceName" -}}
{{- default (include "resolver.fullname" .) .Values.service.name -}}
{{- end -}}

{{/* "true" where the Pods are on the network of their node. */}}
{{- define "resolver.onHost" -}}
{{- if and (eq .Values.mode "nodeLocal") .Values.nodeLocal.hostNetwork -}}true{{- end -}}
{{- end -}}

{{- define "resolver.port.health" -}}
{{- default (ternary 18080 8080 (eq "true" (include "resolver.onHost" .))) .Values.ports.health -}}
{{- end -}}

{{- define "resolver.port.ready" -}}
{{- default (ternary 18181 8181 (eq "true" (include "resolver.onHost" .))) .Values.ports.ready -}}
{{- end -}}

{{- define "resolver.port.metrics" -}}
{{- default (ternary 19153 9153 (eq "true" (include "resolver.onHost" .))) .Values.ports.metrics -}}
{{- end -}}

{{- define "resolver.port.dns" -}}
{{- default 53 .Values.ports.dns -}}
{{- end -}}

{{/* How much of the Kubernetes API is read: none, identity or services. */}}
{{- define "resolver.tier" -}}
{{- default (ternary "services" (ternary "identity" "none" .Values.identity.enabled) (eq .Values.mode "clusterDNS")) .Values.rbac.tier -}}
{{- end -}}

{{- define "resolver.readsGateways" -}}
{{- if or .Values.rbac.gateway (and .Values.gateway.enabled (eq .Values.mode "clusterDNS")) -}}true{{- end -}}
{{- end -}}

{{/* "true" where the Pods need a token. */}}
{{- define "resolver.readsAPI" -}}
{{- if or (ne "none" (include "resolver.tier" .)) (include "resolver.readsGateways" .) .Values.policy.configMaps -}}true{{- end -}}
{{- end -}}

{{/* "true" where the Pods read objects of every namespace. */}}
{{- define "resolver.readsCluster" -}}
{{- $maps := and .Values.policy.configMaps (not .Values.policy.configMapNamespaces) -}}
{{- if or (ne "none" (include "resolver.tier" .)) (include "resolver.readsGateways" .) $maps -}}true{{- end -}}
{{- end -}}

{{/* Where probes ask: on the host's network nobody outside of the node needs to. */}}
{{- define "resolver.probeHost" -}}
{{- if include "resolver.onHost" . -}}127.0.0.1{{- end -}}
{{- end -}}

{{/* The further ports with metrics on a node, as JSON by name. */}}
{{- define "resolver.nodePorts" -}}
{{- $ports := dict -}}
{{- if eq .Values.mode "nodeLocal" -}}
{{- $ports = dict "setup" .Values.nodeLocal.metricsPort -}}
{{- if .Values.nodeLocal.hostNetwork -}}
{{- $ports = set $ports "guard" .Values.nodeLocal.guardMetricsPort -}}
{{- end -}}
{{- end -}}
{{- toJson $ports -}}
{{- end -}}
