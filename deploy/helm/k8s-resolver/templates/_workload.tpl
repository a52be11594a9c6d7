{{/* A new Pod answers before an old one goes; two instances on a node share its ports. */}}
{{- define "resolver.strategy" -}}
{{- if .Values.updateStrategy -}}
{{ toYaml .Values.updateStrategy }}
{{- else -}}
type: RollingUpdate
rollingUpdate:
  maxSurge: 1
  maxUnavailable: 0
{{- end -}}
{{- end -}}

{{/* The ports for DNS, with spaces between. */}}
{{- define "resolver.dnsPorts" -}}
{{- $ports := list -}}
{{- if not .Values.corefile -}}
{{- range .Values.servers -}}
{{- $ports = append $ports (default (include "resolver.port.dns" $) .port | toString) -}}
{{- end -}}
{{- end -}}
{{- default (list (include "resolver.port.dns" .)) (uniq $ports) | join " " -}}
{{- end -}}

{{/* The name of a port for DNS: dns and dns-tcp for the first as everywhere, with the number for the others. */}}
{{- define "resolver.portName" -}}
{{- $first := splitList " " (include "resolver.dnsPorts" .of) | first -}}
{{- .name }}{{ if ne .port $first }}-{{ .port }}{{ end -}}
{{- end -}}

{{- define "resolver.servicePorts" -}}
{{- range $port := splitList " " (include "resolver.dnsPorts" .) -}}
{{- $outside := $port -}}
{{- $node := 0 -}}
{{- range $.Values.servers -}}
{{- if eq $port (default (include "resolver.port.dns" $) .port | toString) -}}
{{- $outside = default $outside .servicePort -}}
{{- $node = default $node .nodePort -}}
{{- end -}}
{{- end -}}
{{- range $name, $protocol := dict "dns" "UDP" "dns-tcp" "TCP" }}
- name: {{ include "resolver.portName" (dict "of" $ "name" $name "port" $port) }}
  port: {{ $outside }}
  targetPort: {{ $port }}
  protocol: {{ $protocol }}
  {{- with $node }}
  nodePort: {{ . }}
  {{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* The container that serves. On the host's network it names no ports: the scheduler would take them for host ports,
and no second instance could start beside the first. */}}
{{- define "resolver.container" -}}
- name: resolver
  image: {{ include "resolver.image" . }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  args:
    {{- include "resolver.args" . | nindent 4 }}
  {{- if or (eq .Values.mode "nodeLocal") .Values.env }}
  env:
    {{- if eq .Values.mode "nodeLocal" }}
    # For the directive identity, which then knows the Pods of this node.
    - name: NODE_NAME
      valueFrom:
        fieldRef:
          fieldPath: spec.nodeName
    {{- end }}
    {{- with .Values.env }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- end }}
  {{- if not (include "resolver.onHost" .) }}
  ports:
    {{- range $port := splitList " " (include "resolver.dnsPorts" .) }}
    - name: {{ include "resolver.portName" (dict "of" $ "name" "dns" "port" $port) }}
      containerPort: {{ $port }}
      protocol: UDP
    - name: {{ include "resolver.portName" (dict "of" $ "name" "dns-tcp" "port" $port) }}
      containerPort: {{ $port }}
      protocol: TCP
    {{- end }}
    {{- range $name := list "health" "ready" "metrics" }}
    - name: {{ $name }}
      containerPort: {{ include (printf "resolver.port.%s" $name) $ }}
      protocol: TCP
    {{- end }}
    {{- range $name, $port := include "resolver.nodePorts" . | fromJson }}
    - name: {{ $name }}
      containerPort: {{ $port }}
      protocol: TCP
    {{- end }}
  {{- end }}
  {{- include "resolver.probes" . | nindent 2 }}
  {{- with .Values.preStopSleepSeconds }}
  lifecycle:
    preStop:
      sleep:
        seconds: {{ . }}
  {{- end }}
  resources:
    {{- toYaml .Values.resources | nindent 4 }}
  securityContext:
    {{- include "resolver.container.security" . | nindent 4 }}
  volumeMounts:
    - name: config
      mountPath: /etc/resolver
      readOnly: true
    {{- if eq .Values.mode "nodeLocal" }}
    - name: generated
      mountPath: /run/resolver
    - name: kube-dns
      mountPath: /etc/kube-dns
      readOnly: true
    {{- end }}
    {{- range .Values.extraSecrets }}
    - name: {{ .name }}
      mountPath: {{ .mountPath }}
      readOnly: true
    {{- end }}
    {{- with .Values.extraVolumeMounts }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}

{{- define "resolver.args" -}}
{{- if eq .Values.mode "nodeLocal" }}
- node
- serve
{{- include "resolver.args.node" . }}
- -setupinterface=false
- -setupiptables=false
- -basecorefile=/etc/resolver/Corefile
- -conf=/run/resolver/Corefile
- -kubednscm=/etc/kube-dns
- -upstreamsvc={{ default (printf "%s-upstream" (include "resolver.fullname" .)) .Values.nodeLocal.upstream.address }}
- -cluster-domain={{ .Values.cluster.domain }}
- -metrics-listen-address=0.0.0.0:{{ .Values.nodeLocal.metricsPort }}
{{- else }}
- -conf
- /etc/resolver/Corefile
- -log-format={{ .Values.logFormat }}
{{- end }}
{{- if gt (int .Values.workers) 1 }}
- -workers={{ .Values.workers }}
{{- end }}
{{- with .Values.extraArgs }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* What every command of resolver node is told. */}}
{{- define "resolver.args.node" }}
- -localip={{ join "," .Values.nodeLocal.localIPs }}
- -dns.port={{ include "resolver.port.dns" . }}
- -health-port={{ include "resolver.port.health" . }}
- -interfacename={{ .Values.nodeLocal.interfaceName }}
- -log-format={{ .Values.logFormat }}
{{- end -}}

{{- define "resolver.probes" -}}
{{- $host := include "resolver.probeHost" . -}}
{{- range $name, $path := dict "livenessProbe" "health" "readinessProbe" "ready" "startupProbe" "health" }}
{{- $probe := index $.Values $name }}
{{- if $probe.enabled }}
{{ $name }}:
  httpGet:
    {{- with $host }}
    host: {{ . }}
    {{- end }}
    path: /{{ $path }}
    port: {{ include (printf "resolver.port.%s" $path) $ }}
  {{- toYaml (omit $probe "enabled") | nindent 2 }}
{{- end }}
{{- end }}
{{- end -}}

{{/* The host's network knows no sysctl of a Pod: to listen on port 53 there takes a capability, to write to the node's packet
filter another one, and only root keeps any. */}}
{{- define "resolver.container.security" -}}
{{- $rights := list -}}
{{- if and .Values.egressSet.enabled (not (include "resolver.onHost" .)) -}}
{{- fail "egressSet writes to the packet filter of nodes: it needs mode nodeLocal on the host's network" -}}
{{- end -}}
{{- if and (include "resolver.onHost" .) (not .Values.nodeLocal.unprivilegedPorts) -}}
{{- $rights = append $rights "NET_BIND_SERVICE" -}}
{{- end -}}
{{- if .Values.egressSet.enabled -}}
{{- $rights = append $rights "NET_ADMIN" -}}
{{- end -}}
{{- if $rights -}}
{{ toYaml (omit .Values.securityContext "capabilities") }}
runAsNonRoot: false
runAsUser: 0
runAsGroup: 0
capabilities:
  drop: [ALL]
  add: [{{ join ", " $rights }}]
{{- else -}}
{{ toYaml .Values.securityContext }}
{{- end -}}
{{- end -}}

{{/* Makes link and addresses before the server starts. */}}
{{- define "resolver.setup" -}}
- name: setup
  {{- include "resolver.guard.common" . | nindent 2 }}
      add: [NET_ADMIN]
  args:
    - node
    - setup
    {{- include "resolver.args.node" . | nindent 4 }}
{{- end -}}

{{/* Keeps link and rules. It is told to end when the server is, and takes the rules away while that still answers. */}}
{{- define "resolver.guard" -}}
- name: guard
  {{- include "resolver.guard.common" . | nindent 2 }}
      # iptables-legacy speaks to the kernel through a raw socket.
      add: [NET_ADMIN{{ if has .Values.nodeLocal.firewall (list "auto" "iptables") }}, NET_RAW{{ end }}]
  volumeMounts:
    # Shared with all others that run iptables, so that nobody writes at the same time.
    - name: xtables-lock
      mountPath: /run/xtables.lock
  args:
    - node
    - guard
    {{- include "resolver.args.node" . | nindent 4 }}
    - -firewall={{ .Values.nodeLocal.firewall }}
    - -syncinterval={{ .Values.nodeLocal.syncInterval }}
    - -metrics-listen-address=0.0.0.0:{{ .Values.nodeLocal.guardMetricsPort }}
{{- end -}}

{{/* Both in common; ends with the capabilities, for which each has a line of its own. */}}
{{- define "resolver.guard.common" -}}
image: {{ include "resolver.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
resources:
  {{- toYaml .Values.nodeLocal.guardResources | nindent 2 }}
securityContext:
  runAsNonRoot: false
  runAsUser: 0
  runAsGroup: 0
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end -}}

{{/* How a monitor scrapes; its values are what this is called with. */}}
{{- define "resolver.scrape" -}}
path: /metrics
interval: {{ .interval }}
{{- with .scrapeTimeout }}
scrapeTimeout: {{ . }}
{{- end }}
{{- with .relabelings }}
relabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .metricRelabelings }}
metricRelabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
