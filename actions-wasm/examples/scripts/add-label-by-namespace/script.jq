$params.labels[$item.targetNamespace] as $labels
| if $labels == null then
    warn("no labels are known for namespace \($item.targetNamespace)")
  else
    .metadata.labels += $labels
    | if .spec.template.metadata then .spec.template.metadata.labels += $labels end
  end
