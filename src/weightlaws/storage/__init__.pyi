from .shards import read_shard as read_shard
