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
    {{- include "resolver.corefile.clients" . | indent 4 }}
    {{- if eq .Values.mode "clusterDNS" }}
    {{- if .Values.cluster.autopath }}
    {{- if ne .Values.cluster.pods "verified" }}
    {{- fail "cluster.autopath needs cluster.pods: verified" }}
    {{- end }}
    autopath @kubernetes
    {{- end }}
    {{- if .Values.cluster.searchpath }}
    searchpath
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

{{/* Stub domains in front of what forwards all the rest: of the lines of a block the first that fits counts. A forwarder
that asks others than /etc/resolv.conf leaves the names of the cluster to those. */}}
{{- define "resolver.corefile.outside" -}}
{{- $upstreams := join " " .Values.forward.upstreams -}}
{{- if eq .Values.mode "nodeLocal" -}}
{{- $upstreams = replace "/etc/resolv.conf" "__PILLAR__UPSTREAM__SERVERS__" $upstreams -}}
{{- end -}}
{{- range $domain, $servers := .Values.stubDomains -}}
forward {{ $domain }} {{ join " " $servers }}
{{ end -}}
{{- if and (eq .Values.mode "forwarder") (not (has "/etc/resolv.conf" .Values.forward.upstreams)) -}}
{{- range prepend .Values.cluster.reverseZones .Values.cluster.domain -}}
{{- if not (hasKey $.Values.stubDomains .) -}}
forward {{ . }} /etc/resolv.conf
{{ end -}}
{{- end -}}
{{- end -}}
{{- $except := .Values.forward.except -}}
{{- include "resolver.corefile.block" (dict "words" (printf "forward . %s" $upstreams) "lines" (list (ternary (printf "except %s" (join " " $except)) "" (gt (len $except) 0)) .Values.forward.configBlock)) -}}
{{- end -}}

{{/* The Corefile of the cache on every node; its variables are filled in there by resolver node. */}}
{{- define "resolver.corefile.nodeLocal" -}}
{{- $force := ternary "force_tcp" "" .Values.nodeLocal.forceTCP -}}
{{- $first := true -}}
{{- range $zone := prepend .Values.cluster.reverseZones .Values.cluster.domain }}
{{ $zone }}:{{ include "resolver.port.dns" $ }} {
    {{- include "resolver.corefile.onNode" $ | nindent 4 }}
    {{- if $first }}
    health {{ include "resolver.probeHost" $ }}:{{ include "resolver.port.health" $ }} {
        lameduck {{ $.Values.lameduck }}
    }
    ready {{ include "resolver.probeHost" $ }}:{{ include "resolver.port.ready" $ }}
    {{- $first = false }}
    {{- end }}
    {{- include "resolver.corefile.block" (dict "words" "forward . __PILLAR__CLUSTER__DNS__" "lines" (list $force)) | nindent 4 }}
    {{- include "resolver.corefile.block" (dict "words" (printf "cache %v" $.Values.cache.ttl) "lines" (list $.Values.cache.configBlock)) | nindent 4 }}
}
{{ end }}
.:{{ include "resolver.port.dns" . }} {
    {{- include "resolver.corefile.onNode" . | nindent 4 }}
    {{- if .Values.egressSet.enabled }}
    {{- if not (regexMatch "(?m)^\\s*table\\s" .Values.egressSet.configBlock) }}
    {{- fail "egressSet.configBlock has to name the table: table inet egress" }}
    {{- end }}
    {{- include "resolver.corefile.block" (dict "words" "egress_set" "lines" (list .Values.egressSet.configBlock)) | nindent 4 }}
    {{- end }}
    {{- include "resolver.corefile.outside" . | nindent 4 }}
    {{- include "resolver.corefile.block" (dict "words" (printf "cache %v" .Values.cache.ttl) "lines" (list .Values.cache.configBlock)) | nindent 4 }}
}
{{- end -}}

{{/* Who asks, and what he may ask for; each line begins with its end. */}}
{{- define "resolver.corefile.clients" -}}
{{- if .Values.identity.enabled }}
{{ include "resolver.corefile.block" (dict "words" "identity" "lines" (list .Values.identity.configBlock)) | trim }}
{{- end }}
{{- if trim .Values.policy.configBlock }}
{{ include "resolver.corefile.block" (dict "words" "policy" "lines" (list .Values.policy.configBlock)) | trim }}
{{- end }}
{{- end -}}

{{/* What every block on a node begins with. */}}
{{- define "resolver.corefile.onNode" -}}
errors
{{- if .Values.logQueries }}
log
{{- end }}
{{- if include "resolver.onHost" . }}
bind __PILLAR__LOCAL__DNS__
{{- end }}
prometheus :{{ include "resolver.port.metrics" . }}
{{- include "resolver.corefile.clients" . }}
loop
reload
{{- end -}}
