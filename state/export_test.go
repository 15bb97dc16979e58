package state

import "github.com/redis/go-redis/v9"

// Client is the store's connection, for looking at what it wrote.
func Client(s *Store) redis.UniversalClient { return s.rdb }
