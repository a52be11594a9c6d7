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
  {{- with .Values.env }}
  env:
    {{- toYaml . | nindent 4 }}
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
    {{- toYaml .Values.securityContext | nindent 4 }}
  volumeMounts:
    - name: config
      mountPath: /etc/resolver
      readOnly: true
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
- -conf
- /etc/resolver/Corefile
{{- if gt (int .Values.workers) 1 }}
- --workers
- {{ .Values.workers | toString | quote }}
{{- end }}
- --log-format
- {{ .Values.logFormat }}
{{- with .Values.extraArgs }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "resolver.probes" -}}
{{- $host := "" -}}
{{- if include "resolver.onHost" . -}}{{- $host = "127.0.0.1" -}}{{- end -}}
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
