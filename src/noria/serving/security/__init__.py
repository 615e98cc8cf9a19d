"""Who may call: TLS on both protocols, bearer tokens with rights, where management calls may come from."""
