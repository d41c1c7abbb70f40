{{/*
Names and labels. They follow Velero's chart, so that a release changes hands without a new name for anything in it.
*/}}

{{- define "lateen.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "lateen.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "lateen.serviceAccount" -}}
{{- if .Values.serviceAccount.server.create -}}
{{- default (printf "%s-server" (include "lateen.fullname" .)) .Values.serviceAccount.server.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.server.name -}}
{{- end -}}
{{- end -}}

{{/* The service account in whose name item actions ask the cluster. */}}
{{- define "lateen.actionServiceAccount" -}}
{{- default (printf "%s-actions" (include "lateen.fullname" . | trunc 55 | trimSuffix "-")) .Values.actions.serviceAccount.name -}}
{{- end -}}

{{/* The Secret that is mounted, whoever makes it; empty if there is none. */}}
{{- define "lateen.secretName" -}}
{{- with .Values.credentials -}}
{{- if .useSecret -}}
{{- if .existingSecret -}}
{{- .existingSecret -}}
{{- else if or .secretContents .extraEnvVars -}}
{{- default (include "lateen.fullname" $) .name -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "lateen.downloadsName" -}}
{{- printf "%s-downloads" (include "lateen.fullname" . | trunc 53 | trimSuffix "-") -}}
{{- end -}}

{{/* What finds the pods. It never changes: a Deployment's selector cannot. */}}
{{- define "lateen.selector" -}}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/name: {{ include "lateen.name" . }}
{{- end -}}

{{- define "lateen.labels" -}}
{{ include "lateen.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{/*
A text from a value that may have been read as a number: without an exponent, however large. Empty only for what is not there at all
and for the empty text; 0 and false are kept.
*/}}
{{- define "lateen.scalar" -}}
{{- if kindIs "invalid" . -}}
{{- else if kindIs "float64" . -}}
{{- if eq . (floor .) }}{{ printf "%.0f" . }}{{ else }}{{ . }}{{ end -}}
{{- else -}}
{{- . -}}
{{- end -}}
{{- end -}}
