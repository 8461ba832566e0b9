/* hiredis, the C client that many other libraries are built on: suite HOST PORT. Ends with "N passed, N failed". */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int passed, failed;

static void check(int good, const char* what, const redisReply* r) {
  if (good) {
    passed++;
    return;
  }
  failed++;
  printf("FAILED %s: type %d, integer %lld, text %s\n", what, r ? r->type : -1, r ? r->integer : 0, r && r->str ? r->str : "");
}

static int is_text(const redisReply* r, int type, const char* text) {
  return r && r->type == type && r->len == strlen(text) && memcmp(r->str, text, r->len) == 0;
}

static void strings_and_hashes(redisContext* c) {
  redisReply* r = redisCommand(c, "SET %s %b", "hi:a", "a\0b", (size_t)3);
  check(is_text(r, REDIS_REPLY_STATUS, "OK"), "SET with a binary value", r);
  freeReplyObject(r);
  r = redisCommand(c, "GET hi:a");
  check(r && r->type == REDIS_REPLY_STRING && r->len == 3 && memcmp(r->str, "a\0b", 3) == 0, "GET of it", r);
  freeReplyObject(r);
  r = redisCommand(c, "GET hi:none");
  check(r && r->type == REDIS_REPLY_NIL, "GET of a missing key", r);
  freeReplyObject(r);
  freeReplyObject(redisCommand(c, "DEL hi:h hi:n"));
  r = redisCommand(c, "HSET hi:h f1 v1 f2 v2");
  check(r && r->type == REDIS_REPLY_INTEGER && r->integer == 2, "HSET", r);
  freeReplyObject(r);
  r = redisCommand(c, "HGETALL hi:h");
  check(r && r->type == REDIS_REPLY_ARRAY && r->elements == 4 && is_text(r->element[3], REDIS_REPLY_STRING, "v2"), "HGETALL", r);
  freeReplyObject(r);
  r = redisCommand(c, "HGET hi:a f");
  check(r && r->type == REDIS_REPLY_ERROR && strncmp(r->str, "WRONGTYPE", 9) == 0, "an error reply", r);
  freeReplyObject(r);
}

static void pipeline(redisContext* c) {
  const int count = 10000;
  for (int i = 0; i < count; i++) redisAppendCommand(c, "INCR hi:n");
  int right = 0;
  for (int i = 0; i < count; i++) {
    redisReply* r = NULL;
    if (redisGetReply(c, (void**)&r) == REDIS_OK) right += r->type == REDIS_REPLY_INTEGER && r->integer == i + 1;
    freeReplyObject(r);
  }
  check(right == count, "10,000 pipelined INCRs in order", NULL);
}

static void transaction(redisContext* c) {
  freeReplyObject(redisCommand(c, "MULTI"));
  freeReplyObject(redisCommand(c, "SET hi:t 1"));
  redisReply* r = redisCommand(c, "INCR hi:t");
  check(is_text(r, REDIS_REPLY_STATUS, "QUEUED"), "QUEUED", r);
  freeReplyObject(r);
  r = redisCommand(c, "EXEC");
  check(r && r->type == REDIS_REPLY_ARRAY && r->elements == 2 && r->element[1]->integer == 2, "EXEC", r);
  freeReplyObject(r);
}

static void messages(redisContext* c, const char* host, int port) {
  redisContext* s = redisConnect(host, port);
  redisReply* r = redisCommand(s, "SUBSCRIBE hi:news");
  check(r && r->type == REDIS_REPLY_ARRAY && is_text(r->element[0], REDIS_REPLY_STRING, "subscribe"), "SUBSCRIBE", r);
  freeReplyObject(r);
  freeReplyObject(redisCommand(c, "PUBLISH hi:news hello"));
  r = NULL;
  int status = redisGetReply(s, (void**)&r);
  check(status == REDIS_OK && r->elements == 3 && is_text(r->element[2], REDIS_REPLY_STRING, "hello"), "a message", r);
  freeReplyObject(r);
  redisFree(s);
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  struct timeval limit = {5, 0};
  redisContext* c = redisConnectWithTimeout(argv[1], atoi(argv[2]), limit);
  if (!c || c->err) {
    printf("FAILED to connect: %s\n0 passed, 1 failed\n", c ? c->errstr : "no memory");
    return 1;
  }
  redisSetTimeout(c, limit);
  strings_and_hashes(c);
  pipeline(c);
  transaction(c);
  messages(c, argv[1], atoi(argv[2]));
  redisFree(c);
  printf("%d passed, %d failed\n", passed, failed);
  return failed ? 1 : 0;
}
