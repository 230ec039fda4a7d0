"""What has happened, read from the store: rounds, champions, requests and lineage.

Every function takes the store as its first argument. Nothing here trains, judges or shows anything.
"""
