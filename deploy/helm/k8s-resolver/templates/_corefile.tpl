{{/* The Corefile, whichever way it is configured. */}}
{{- define "resolver.corefile" -}}
{{- if .Values.corefile -}}
{{- include "resolver.corefile.probed" (dict "of" $ "text" .Values.corefile) -}}
{{- .Values.corefile | trim -}}
{{- else -}}
{{- range $name, $directive := .Values.extraConfig -}}
{{ $name }}{{ with $directive.parameters }} {{ . }}{{ end }}
{{ end -}}
{{- if .Values.servers -}}
{{- include "resolver.corefile.servers" . | trim -}}
{{- else if eq .Values.mode "nodeLocal" -}}
{{- include "resolver.corefile.nodeLocal" . | trim -}}
{{- else -}}
{{- include "resolver.corefile.central" . | trim -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Refuses a Corefile whose probes would fail for ever: (dict "of" $ "text" ...) */}}
{{- define "resolver.corefile.probed" -}}
{{- $on := .of.Values -}}
{{- if and (or $on.livenessProbe.enabled $on.startupProbe.enabled) (not (regexMatch "(?m)^\\s*health(\\s|$)" .text)) -}}
{{- fail "livenessProbe and startupProbe need the health directive in the Corefile" -}}
{{- end -}}
{{- if and $on.readinessProbe.enabled (not (regexMatch "(?m)^\\s*ready(\\s|$)" .text)) -}}
{{- fail "readinessProbe needs the ready directive in the Corefile" -}}
{{- end -}}
{{- end -}}

{{- define "resolver.corefile.servers" -}}
{{- $names := list -}}
{{- range .Values.servers -}}{{- range .plugins -}}{{- $names = append $names .name -}}{{- end -}}{{- end -}}
{{- include "resolver.corefile.probed" (dict "of" $ "text" (join "\n" $names)) -}}
{{- range .Values.servers }}
{{- $port := default (include "resolver.port.dns" $) .port }}
{{ range $index, $zone := default (list dict) .zones -}}
{{ if $index }} {{ end }}{{ $zone.scheme }}{{ default "." $zone.zone }}:{{ $port }}
{{- end }} {
{{- range .plugins }}
    {{ .name }}{{ include "resolver.corefile.parameters" (dict "of" $ "plugin" .) }}{{ if .configBlock }} {
{{ .configBlock | trim | indent 8 }}
    }{{ end }}
{{- end }}
}
{{ end }}
{{- end -}}

{{/* The words after a directive, with a space in front: health, ready and prometheus get the port of the chart, or have to name it. */}}
{{- define "resolver.corefile.parameters" -}}
{{- $words := .plugin.parameters | default "" | toString -}}
{{- $ports := dict "health" "health" "ready" "ready" "prometheus" "metrics" -}}
{{- if hasKey $ports .plugin.name -}}
{{- $which := index $ports .plugin.name -}}
{{- $port := include (printf "resolver.port.%s" $which) .of -}}
{{- if not $words -}}
{{- $words = printf ":%s" $port -}}
{{- else if not (hasSuffix (printf ":%s" $port) $words) -}}
{{- fail (printf "servers: %s listens on %s, but ports.%s is %s" .plugin.name $words $which $port) -}}
{{- end -}}
{{- end -}}
{{- if $words }} {{ $words }}{{ end -}}
{{- end -}}

{{/* The Corefile of the forwarder and of cluster DNS. */}}
{{- define "resolver.corefile.central" -}}
.:{{ include "resolver.port.dns" . }} {
    errors
    {{- if .Values.logQueries }}
    log
    {{- end }}
    health :{{ include "resolver.port.health" . }} {
        lameduck {{ .Values.lameduck }}
    }
    ready :{{ include "resolver.port.ready" . }}
    prometheus :{{ include "resolver.port.metrics" . }}
    {{- if eq .Values.mode "clusterDNS" }}
    {{- if .Values.cluster.autopath }}
    {{- if ne .Values.cluster.pods "verified" }}
    {{- fail "cluster.autopath needs cluster.pods: verified" }}
    {{- end }}
    autopath @kubernetes
    {{- end }}
    {{- include "resolver.corefile.block" (dict "words" (printf "kubernetes %s %s" .Values.cluster.domain (join " " .Values.cluster.reverseZones) | trim) "lines" (list (printf "pods %s" .Values.cluster.pods) (ternary (printf "fallthrough %s" (join " " .Values.cluster.reverseZones)) "" (gt (len .Values.cluster.reverseZones) 0)) (printf "ttl %v" .Values.cluster.ttl) .Values.cluster.configBlock)) | nindent 4 }}
    {{- if .Values.gateway.enabled }}
    {{- include "resolver.corefile.block" (dict "words" (printf "gateway %s" (join " " .Values.gateway.zones)) "lines" (list .Values.gateway.configBlock)) | nindent 4 }}
    {{- end }}
    {{- end }}
    {{- include "resolver.corefile.outside" . | nindent 4 }}
    {{- include "resolver.corefile.block" (dict "words" (printf "cache %v" .Values.cache.ttl) "lines" (list .Values.cache.configBlock)) | nindent 4 }}
    loop
    reload
    loadbalance
}
{{- end -}}

{{/* A directive with its block, where a line of it is not empty: (dict "words" ... "lines" (list ...)) */}}
{{- define "resolver.corefile.block" -}}
{{ .words }}
{{- $lines := list -}}
{{- range .lines }}{{ if trim . }}{{ $lines = append $lines (trim .) }}{{ end }}{{ end -}}
{{- if $lines }} {
{{ join "\n" $lines | indent 4 }}
}
{{- end }}
{{- end -}}

{{/* Stub domains in front of what forwards all the rest: of the lines of a block the first that fits counts. */}}
{{- define "resolver.corefile.outside" -}}
{{- range $domain, $upstreams := .Values.stubDomains -}}
forward {{ $domain }} {{ join " " $upstreams }}
{{ end -}}
{{- $except := .Values.forward.except -}}
{{- include "resolver.corefile.block" (dict "words" (printf "forward . %s" (join " " .Values.forward.upstreams)) "lines" (list (ternary (printf "except %s" (join " " $except)) "" (gt (len $except) 0)) .Values.forward.configBlock)) -}}
{{- end -}}
