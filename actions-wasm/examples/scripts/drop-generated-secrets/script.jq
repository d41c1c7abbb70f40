# On restore the owner references are gone from the item; the archived original has them.
($original // .).metadata as $archived
| ([$archived.ownerReferences // [] | .[] | select(.controller)] | first) as $owner
| $archived.annotations["cert-manager.io/certificate-name"] as $certificate
| if .type == "kubernetes.io/service-account-token" then
    skip("the token of a service account is issued anew")
  elif $certificate then
    skip("cert-manager issues it anew for Certificate \($certificate)")
  elif $owner then
    skip("\($owner.kind) \($owner.name) makes it anew")
  end
