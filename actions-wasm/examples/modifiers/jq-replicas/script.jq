first($params.environments[] | select(.prefix as $prefix | $item.targetNamespace | startswith($prefix)) | .most) as $most
| if (.spec.replicas // 1) > $most then
    info("\(.spec.replicas) replicas become \($most)")
    | .spec.replicas = $most
  end
