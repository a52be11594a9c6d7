{{/* The Pod template of Deployment and DaemonSet. */}}
{{- define "resolver.pod" -}}
{{- $onHost := include "resolver.onHost" . -}}
{{- $nodeLocal := eq .Values.mode "nodeLocal" -}}
{{- if and $nodeLocal .Values.k8sApp (eq .Values.k8sApp (index .Values.nodeLocal.upstream.selector "k8s-app" | default "")) -}}
{{- fail "k8sApp: the Service of the cluster's DNS would choose the Pods of nodeLocal, which ask that very Service" -}}
{{- end -}}
metadata:
  labels:
    {{- include "resolver.podLabels" . | nindent 4 }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- if or .Values.checksumAnnotation .Values.podAnnotations .Values.commonAnnotations }}
  annotations:
    {{- if .Values.checksumAnnotation }}
    checksum/config: {{ printf "%s%s" (include "resolver.corefile" .) (toJson .Values.zoneFiles) | sha256sum }}
    {{- end }}
    {{- with .Values.commonAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- end }}
spec:
  {{- with .Values.image.pullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ . }}
    {{- end }}
  {{- end }}
  serviceAccountName: {{ include "resolver.serviceAccountName" . }}
  automountServiceAccountToken: {{ eq "true" (include "resolver.readsAPI" .) }}
  enableServiceLinks: {{ $nodeLocal }}
  priorityClassName: {{ default (ternary "system-node-critical" "system-cluster-critical" $nodeLocal) .Values.priorityClassName }}
  terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
  {{- if $onHost }}
  hostNetwork: true
  {{- end }}
  dnsPolicy: {{ default (ternary "ClusterFirst" "Default" (eq .Values.mode "forwarder")) .Values.dnsPolicy }}
  {{- with .Values.dnsConfig }}
  dnsConfig:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    {{- include "resolver.pod.security" . | nindent 4 }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  tolerations:
    {{- include "resolver.pod.tolerations" . | nindent 4 }}
  {{- if or .Values.topologySpreadConstraints (not $nodeLocal) }}
  topologySpreadConstraints:
    {{- include "resolver.pod.spread" . | nindent 4 }}
  {{- end }}
  {{- if or $onHost .Values.initContainers }}
  initContainers:
    {{- if $onHost }}
    {{- include "resolver.setup" . | nindent 4 }}
    {{- end }}
    {{- with .Values.initContainers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- end }}
  containers:
    {{- include "resolver.container" . | nindent 4 }}
    {{- if $onHost }}
    {{- include "resolver.guard" . | nindent 4 }}
    {{- end }}
    {{- with .Values.extraContainers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  volumes:
    - name: config
      configMap:
        name: {{ include "resolver.fullname" . }}
    {{- if $nodeLocal }}
    - name: generated
      emptyDir:
        medium: Memory
        sizeLimit: 4Mi
    - name: kube-dns
      configMap:
        name: {{ .Values.nodeLocal.configMap }}
        optional: true
    {{- end }}
    {{- if $onHost }}
    - name: xtables-lock
      hostPath:
        path: /run/xtables.lock
        type: FileOrCreate
    {{- end }}
    {{- range .Values.extraSecrets }}
    - name: {{ .name }}
      secret:
        secretName: {{ .name }}
        defaultMode: {{ default 0440 .defaultMode }}
    {{- end }}
    {{- with .Values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}

{{- define "resolver.pod.security" -}}
{{ toYaml .Values.podSecurityContext }}
{{- if and (not (include "resolver.onHost" .)) (not (hasKey .Values.podSecurityContext "sysctls")) }}
sysctls:
  - name: net.ipv4.ip_unprivileged_port_start
    value: "0"
{{- end }}
{{- end -}}

{{- define "resolver.pod.tolerations" -}}
{{- if .Values.tolerations -}}
{{ toYaml .Values.tolerations }}
{{- else if eq .Values.mode "nodeLocal" -}}
- operator: Exists
{{- else -}}
- key: CriticalAddonsOnly
  operator: Exists
- key: node-role.kubernetes.io/control-plane
  operator: Exists
  effect: NoSchedule
{{- end -}}
{{- end -}}

{{- define "resolver.pod.spread" -}}
{{- if .Values.topologySpreadConstraints -}}
{{ toYaml .Values.topologySpreadConstraints }}
{{- else -}}
{{- $selector := include "resolver.selectorLabels" . | nindent 6 -}}
- maxSkew: 1
  topologyKey: kubernetes.io/hostname
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels: {{- $selector }}
- maxSkew: 1
  topologyKey: topology.kubernetes.io/zone
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels: {{- $selector }}
{{- end -}}
{{- end -}}
