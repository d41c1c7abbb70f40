{{/*
What in the values stops a release, and what is said about the rest in the notes. A key is refused only where going on would start
something else than what was asked for.
*/}}

{{- define "lateen.image" -}}
{{- with .Values.image -}}
{{- if eq (.repository | splitList "/" | last) "velero" -}}
{{- fail (printf "image.repository is %s, which is Velero's server: this chart starts Lateen's. Remove image from your values or name an image of Lateen." .repository) -}}
{{- end -}}
{{- if .digest -}}
{{- printf "%s@%s" .repository .digest -}}
{{- else -}}
{{- printf "%s:%s" .repository (default $.Chart.AppVersion .tag) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The name of a Schedule, which is a label value on its Backups: 63 characters at most. */}}
{{- define "lateen.scheduleName" -}}
{{- $name := default (printf "%s-%s" (include "lateen.fullname" .root) .key) .schedule.fullnameOverride -}}
{{- if gt (len $name) 63 -}}
{{- fail (printf "schedules.%s makes a Schedule named %s: %d characters, at most 63 fit the label on its Backups. Set fullnameOverride in it." .key $name (len $name)) -}}
{{- end -}}
{{- $name -}}
{{- end -}}

{{/* Keys of Velero's chart that are set and have no effect here, one to a line. */}}
{{- define "lateen.withoutEffect" -}}
{{- $values := .Values -}}
{{- range (include "lateen.initContainers" . | fromYaml).plugins }}
initContainers: {{ . }} (installs a Velero plugin; Lateen's actions are ConfigMaps, see itemActions)
{{- end }}
{{- if $values.deployNodeAgent }}
deployNodeAgent (there is no node agent: volumes' files are not backed up)
{{- end }}
{{- if $values.cleanUpCRDs }}
cleanUpCRDs (the custom resource definitions and all objects of them stay when the release is uninstalled)
{{- end }}
{{- with $values.namespace }}{{ if .labels }}
namespace.labels (label the namespace yourself)
{{- end }}{{ end }}
{{- range $key := list "restoreOnlyMode" "disableControllers" "defaultVolumesToFsBackup" "defaultSnapshotMoveData" "defaultVolumeSnapshotLocations" "fsBackupTimeout" "defaultRepoMaintainFrequency" "itemBlockWorkerCount" "disableInformerCache" "dataMoverPrepareTimeout" "clientQPS" "clientBurst" "pluginDir" "profilerAddress" }}
{{- if get $values.configuration $key }}
configuration.{{ $key }}
{{- end }}
{{- end }}
{{- if ne (default "kopia" $values.configuration.uploaderType) "kopia" }}
configuration.uploaderType
{{- end }}
{{- end -}}
