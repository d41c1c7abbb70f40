($params.replicas // 0) as $wanted
| (.spec.replicas // 1) as $archived
| if $archived > $wanted then
    info("scaled from \($archived) to \($wanted)")
    | .metadata.annotations += {"platform.example/replicas": "\($archived)"}
    | .spec.replicas = $wanted
  end
