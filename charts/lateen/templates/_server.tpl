{{/*
The server's command line, environment and volumes.
*/}}

{{/* Flags that take their value from a key of "configuration". */}}
{{- define "lateen.flags" -}}
namespace: namespace
log-level: logLevel
log-format: logFormat
metrics-address: metricsAddress
default-backup-storage-location: defaultBackupStorageLocation
default-backup-ttl: defaultBackupTTL
default-item-operation-timeout: defaultItemOperationTimeout
default-snapshot-move-data: defaultSnapshotMoveData
default-volume-snapshot-locations: defaultVolumeSnapshotLocations
default-volumes-to-fs-backup: defaultVolumesToFsBackup
item-block-worker-count: itemBlockWorkerCount
resource-timeout: resourceTimeout
terminating-resource-timeout: terminatingResourceTimeout
store-validation-frequency: storeValidationFrequency
backup-sync-period: backupSyncPeriod
garbage-collection-frequency: garbageCollectionFrequency
item-operation-sync-frequency: itemOperationSyncFrequency
client-page-size: clientPageSize
features: features
restore-resource-priorities: restoreResourcePriorities
schedule-skip-immediately: scheduleSkipImmediately
{{- end -}}

{{- define "lateen.args" -}}
- server
{{- $configuration := .Values.configuration }}
{{- range $flag, $key := include "lateen.flags" . | fromYaml }}
{{- $value := include "lateen.scalar" (get $configuration $key) }}
{{- if ne $value "" }}
- {{ printf "--%s=%s" $flag $value | quote }}
{{- end }}
{{- end }}
{{- with .Values.fileStore }}
{{- if .enabled }}
- {{ printf "--file-store-root=%s" .path | quote }}
- {{ printf "--download-address=:%s" (include "lateen.scalar" .downloads.port) | quote }}
- {{ printf "--download-url=%s" (include "lateen.downloadUrl" $) | quote }}
{{- end }}
{{- end }}
- --action-cache-dir=/cache
{{- with .Values.actions.clusterAccess }}
- {{ printf "--action-service-account=%s" (include "lateen.actionServiceAccount" $) | quote }}
{{- range . }}
- {{ printf "--action-cluster-access=%s" . | quote }}
{{- end }}
{{- end }}
{{- range $configuration.extraArgs }}
- {{ . | quote }}
{{- end }}
{{- end -}}

{{- define "lateen.downloadUrl" -}}
{{- with .Values.fileStore.downloads -}}
{{- default (printf "https://%s.%s.svc:%s" (include "lateen.downloadsName" $) $.Release.Namespace (include "lateen.scalar" .port)) .url -}}
{{- end -}}
{{- end -}}

{{/* The port at the end of the metrics address. */}}
{{- define "lateen.metricsPort" -}}
{{- default ":8085" .Values.configuration.metricsAddress | splitList ":" | last -}}
{{- end -}}

{{- define "lateen.env" -}}
- name: VELERO_NAMESPACE
  valueFrom:
    fieldRef:
      apiVersion: v1
      fieldPath: metadata.namespace
- name: VELERO_SCRATCH_DIR
  value: /scratch
# The root file system is read-only.
- name: TMPDIR
  value: /scratch
{{- if include "lateen.secretName" . }}
- name: AWS_SHARED_CREDENTIALS_FILE
  value: /credentials/cloud
{{- end }}
{{- range $name, $_ := .Values.credentials.extraEnvVars }}
{{- if include "lateen.secretName" $ }}
- name: {{ $name }}
  valueFrom:
    secretKeyRef:
      name: {{ include "lateen.secretName" $ }}
      key: {{ $name }}
{{- end }}
{{- end }}
{{- with .Values.configuration.extraEnvVars }}
{{- if kindIs "map" . }}
{{- range $name, $value := . }}
- name: {{ $name }}
  value: {{ include "lateen.scalar" $value | quote }}
{{- end }}
{{- else }}
{{ toYaml . }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "lateen.volumeMounts" -}}
- name: scratch
  mountPath: /scratch
- name: action-cache
  mountPath: /cache
{{- if include "lateen.secretName" . }}
- name: cloud-credentials
  mountPath: /credentials
  readOnly: true
{{- end }}
{{- if .Values.fileStore.enabled }}
- name: file-store
  mountPath: {{ .Values.fileStore.path }}
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "lateen.volumes" -}}
- name: scratch
  {{- with .Values.scratch.sizeLimit }}
  emptyDir:
    sizeLimit: {{ . }}
  {{- else }}
  emptyDir: {}
  {{- end }}
# Compiled item actions. The server keeps to 512 MiB, and writes a new file of up to 64 MiB before it removes an old one.
- name: action-cache
  emptyDir:
    sizeLimit: 640Mi
{{- with include "lateen.secretName" . }}
- name: cloud-credentials
  secret:
    secretName: {{ . }}
{{- end }}
{{- with .Values.fileStore }}
{{- if .enabled }}
- name: file-store
  {{- if .volume }}
  {{- toYaml .volume | nindent 2 }}
  {{- else }}
  persistentVolumeClaim:
    claimName: {{ default (printf "%s-file-store" (include "lateen.fullname" $)) .persistence.existingClaim }}
  {{- end }}
{{- end }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The init containers of the values, be they a list or a template that renders one: {list: [...]}. */}}
{{- define "lateen.initContainersGiven" -}}
{{- $given := .Values.initContainers -}}
{{- if kindIs "string" $given -}}
{{- $given = tpl $given . | fromYamlArray -}}
{{- end -}}
{{- dict "list" (default (list) $given) | toYaml -}}
{{- end -}}

{{/* Those of them that install no Velero plugin, and the names of those that do: {run: [...], plugins: [...]}. */}}
{{- define "lateen.initContainers" -}}
{{- $run := list -}}
{{- $plugins := list -}}
{{- range (include "lateen.initContainersGiven" . | fromYaml).list -}}
{{- $mounts := list -}}
{{- range .volumeMounts }}{{ $mounts = append $mounts .name }}{{ end -}}
{{- if has "plugins" $mounts -}}
{{- $plugins = append $plugins .name -}}
{{- else -}}
{{- $run = append $run . -}}
{{- end -}}
{{- end -}}
{{- dict "run" $run "plugins" $plugins | toYaml -}}
{{- end -}}
