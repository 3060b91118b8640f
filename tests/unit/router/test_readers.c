/* What messengers send, with every member in turn left out or of another type. Whatever comes, a reader ends with events that are
   whole, a skip that is counted, or a refusal with its reason; and a member that does not matter never costs the message. */
#include "tests/unit/router/channel_unit.h"

#include <cJSON.h>
#include <stdlib.h>

extern const struct provider provider_line, provider_telegram, provider_meta, provider_slack, provider_kakao;

static const struct sample {
    const char *name, *channel, *id; /* id: the account's */
    const struct provider *provider;
    const char *body;
    const char *matter[12]; /* members by which it is a message at all, or another one; all above them matter too */
} samples[] = {
    { "a text of LINE",
      "line",
      "U1",
      &provider_line,
      "{'destination':'U1','events':[{'type':'message','mode':'active','timestamp':1462629479859,'webhookEventId':'W1','replyToken'"
      ":"
      "'r','deliveryContext':{'isRedelivery':false},'source':{'type':'group','groupId':'G1','userId':'U2'},'message':{'id':'1',"
      "'type':'text','text':'hello','quoteToken':'q','quotedMessageId':'7','mention':{'mentionees':[{'index':0}]}}}]}",
      { "destination", "events.0.type", "events.0.webhookEventId", "events.0.source", "events.0.message.type",
        "events.0.message.text" } },
    { "a place of LINE",
      "line",
      NULL,
      &provider_line,
      "{'destination':'U1','events':[{'type':'message','timestamp':1,'webhookEventId':'W2','source':{'type':'user','userId':'U2'},"
      "'message':{'id':'1','type':'location','title':'t','address':'a','latitude':35.6,'longitude':139.7}}]}",
      { "events.0.type", "events.0.webhookEventId", "events.0.source.userId", "events.0.message.type" } },
    { "a button of LINE",
      "line",
      NULL,
      &provider_line,
      "{'events':[{'type':'postback','timestamp':1,'webhookEventId':'W3','source':{'roomId':'R'},'postback':{'data':'d','params':"
      "{'date':'x'}}}]}",
      { "events.0.type", "events.0.webhookEventId", "events.0.source.roomId", "events.0.postback.data" } },
    { "a text of Telegram",
      "telegram",
      NULL,
      &provider_telegram,
      "{'update_id':10,'message':{'message_id':5,'date':1441645532,'text':'hello','chat':{'id':4,'type':'private','title':'t'},'"
      "from':"
      "{'id':4,'is_bot':false,'first_name':'Ann','last_name':'Kim','username':'u','language_code':'ko'},'reply_to_message':"
      "{'message_id':3},'entities':[{'type':'bold'}],'location':{'latitude':1.5,'longitude':2}}}",
      { "update_id", "message.message_id", "message.chat", "message.from", "message.text" } },
    { "a photo of Telegram",
      "telegram",
      NULL,
      &provider_telegram,
      "{'update_id':11,'message':{'message_id':5,'date':1,'caption':'look','chat':{'id':4},'from':{'id':4},'photo':[{'file_id':'a'}"
      ","
      "{'file_id':'b','width':90}],'document':{'file_name':'n','file_id':'i'},'venue':{'title':'t','address':'a'}}}",
      { "update_id", "message.message_id", "message.chat.id", "message.from" } },
    { "a message of Messenger",
      "messenger",
      "P1",
      &provider_meta,
      "{'object':'page','entry':[{'id':'P1','time':1,'messaging':[{'sender':{'id':'7'},'recipient':{'id':'P1'},'timestamp':"
      "1458692752478,'message':{'mid':'m1','text':'hello','quick_reply':{'payload':'p'},'reply_to':{'mid':'m0','story':{'id':'s'}},"
      "'attachments':[{'type':'image','payload':{'url':'https://x/"
      "','title':'t'}}],'referral':{'ref':'r','source':'s','ad_id':1}}}]}]}",
      { "object", "entry.0.id", "entry.0.messaging.0.sender.id", "entry.0.messaging.0.message.mid" } },
    { "a button of Messenger",
      "messenger",
      NULL,
      &provider_meta,
      "{'object':'page','entry':[{'id':'P1','messaging':[{'sender':{'id':'7'},'timestamp':5,'postback':{'title':'t','payload':'p',"
      "'referral':{'ref':'r'}}}]}]}",
      { "object", "entry.0.messaging.0.sender.id", "entry.0.messaging.0.timestamp", "entry.0.messaging.0.postback" } },
    { "a text of WhatsApp",
      "whatsapp",
      "99",
      &provider_meta,
      "{'object':'whatsapp_business_account','entry':[{'id':'1','changes':[{'field':'messages','value':{'messaging_product':'"
      "whatsapp',"
      "'metadata':{'phone_number_id':'99','display_phone_number':'1'},'contacts':[{'wa_id':'82','profile':{'name':'Kim'}}],"
      "'messages':[{'from':'82','id':'wamid.1','timestamp':'1504902988','type':'text','text':{'body':'hello'},'context':{'id':'x'},"
      "'referral':{'source_url':'u','headline':'h'}}]}}]}]}",
      { "object", "entry.0.changes.0.field", "entry.0.changes.0.value.metadata.phone_number_id",
        "entry.0.changes.0.value.messages.0.from", "entry.0.changes.0.value.messages.0.id",
        "entry.0.changes.0.value.messages.0.type" } },
    { "a place of WhatsApp",
      "whatsapp",
      NULL,
      &provider_meta,
      "{'object':'whatsapp_business_account','entry':[{'changes':[{'field':'messages','value':{'messages':[{'from_user_id':'u','id'"
      ":"
      "'wamid.2','type':'location','location':{'latitude':1.5,'longitude':2,'name':'n','address':'a','caption':'c'}}]}}]}]}",
      { "object", "entry.0.changes.0.field", "entry.0.changes.0.value.messages.0.from_user_id",
        "entry.0.changes.0.value.messages.0.id", "entry.0.changes.0.value.messages.0.type" } },
    { "a message of Slack",
      "slack",
      "T1",
      &provider_slack,
      "{'type':'event_callback','team_id':'T1','api_app_id':'A1','event_id':'Ev1','authorizations':[{'is_bot':true,'user_id':'B1'}]"
      ","
      "'event':{'type':'message','channel':'C1','channel_type':'channel','user':'U3','text':'hello <@U9>','ts':'1716240000.123456',"
      "'thread_ts':'1716240000.1','files':[{'mimetype':'image/png','name':'n','url_private':'https://x/'}]}}",
      { "type", "team_id", "event.type", "event.channel", "event.ts", "event.user" } },
    { "a skill's request of Kakao",
      "kakao",
      "bot1",
      &provider_kakao,
      "{'bot':{'id':'bot1','name':'n'},'userRequest':{'utterance':'hello','user':{'id':'u1','type':'botUserKey','properties':"
      "{'plusfriendUserKey':'p','appUserId':'12'}},'lang':'kr','timezone':'Asia/Seoul','block':{'id':'b','name':'n'},'callbackUrl':"
      "'https://bot-api.kakao.com/v1/1'},'action':{'name':'a','params':{'x':'y','z':'w'}}}",
      { "bot.id", "userRequest.utterance", "userRequest.user.id", "userRequest.callbackUrl" } },
};

/* NULL: left out. */
static const char *const others[] = { NULL,    "null", "true",   "7",     "-1",        "0.5",         "1e300", "\"\"",
                                      "\"x\"", "[]",   "[null]", "[[1]]", "{\"a\":1}", "\"\\u0000\"", "{}",    "\"\\ud83d\"" };

/* Single quotes are easier to read than escaped ones. */
static cJSON *parse(const char *body)
{
    char *text = strdup(body);
    for (char *p = text; *p; p++)
        if (*p == '\'') *p = '"';
    cJSON *doc = cJSON_Parse(text);
    if (!doc) fail_msg("no JSON: %s", text);
    free(text);
    return doc;
}

static bool is_or_is_above(const char *path, const char *of)
{
    size_t n = strlen(path);
    return !strncmp(path, of, n) && (!n || of[n] == '.' || !of[n]);
}

static bool matters(const struct sample *s, const char *path)
{
    for (size_t i = 0; i < COUNT_OF(s->matter) && s->matter[i]; i++)
        if (is_or_is_above(path, s->matter[i]) || is_or_is_above(s->matter[i], path)) return true;
    return false;
}

static char wanted[300]; /* the identity of the sample's event */

static void assert_whole(const struct sample *s, const char *path, const char *how)
{
    if (channel_complete(&c, 1)) fail_msg("%s: an event cannot be completed: %s = %s", s->name, path, how);
    for (uint32_t i = 0; i < c.count; i++) {
        const struct event *e = &c.events[i];
        if (!e->external.n || !e->conversation.n || !str_utf8(e->text, NULL) || e->external.n > 256)
            fail_msg("%s: half an event: %s = %s", s->name, path, how);
    }
}

/* All that was counted as none of ours, and all that was refused. */
static double skipped(void)
{
    static const char name[] = "naru_channel_skipped_total{";
    struct buf b;
    double sum = 0;
    buf_init(&b, 1u << 20);
    metrics_render(&b);
    for (const char *p = buf_cstr(&b); (p = strstr(p, name)); p++) sum += strtod(strchr(p, '}') + 1, NULL);
    buf_fini(&b);
    return sum;
}

/* Is there nothing in it that could have been told? */
static bool is_nothing(const char *how) { return !strcmp(how, "null") || !strcmp(how, "[]") || !strcmp(how, "{}"); }

static void judge(const struct sample *s, const char *path, const char *how, const char *body)
{
    double before = skipped();
    enum err e = read_it(body);
    if (e == ERR_PROTO && (c.answer.status < 400 || c.answer.status > 499 || !c.cause || !c.why[0]))
        fail_msg("%s: refused without a word: %s = %s", s->name, path, how ? how : "(left out)");
    if (e && e != ERR_PROTO) fail_msg("%s: %s: %s = %s", s->name, err_name(e), path, how ? how : "(left out)");
    if (!e) assert_whole(s, path, how ? how : "(left out)");
    if (!e && !c.count && how && !is_nothing(how) && skipped() == before)
        fail_msg("%s: it is gone, and nobody counted it: %s = %s", s->name, path, how);
    if (matters(s, path)) return;
    if (e || c.count != 1)
        fail_msg("%s: the message is lost with a member that does not matter: %s = %s", s->name, path, how ? how : "(left out)");
    if (!str_is(c.events[0].external, wanted))
        fail_msg("%s: it is another event: %s = %s", s->name, path, how ? how : "(left out)");
}

struct place { /* of a member: the way to it */
    int at[10], depth;
};

static cJSON *go(cJSON *doc, const struct place *p, int depth)
{
    for (int i = 0; i < depth; i++) doc = cJSON_GetArrayItem(doc, p->at[i]);
    return doc;
}

static void change(const struct sample *s, const struct place *p, const char *path, const char *how)
{
    cJSON *doc = parse(s->body), *parent = go(doc, p, p->depth - 1);
    int at = p->at[p->depth - 1];
    char *name = cJSON_GetArrayItem(parent, at)->string;
    name = name ? strdup(name) : NULL;
    if (!how) cJSON_DeleteItemFromArray(parent, at);
    else if (name) cJSON_ReplaceItemInObjectCaseSensitive(parent, name, cJSON_CreateRaw(how));
    else cJSON_ReplaceItemInArray(parent, at, cJSON_CreateRaw(how));
    char *body = cJSON_PrintUnformatted(doc);
    judge(s, path, how, body);
    cJSON_free(body);
    cJSON_Delete(doc);
    free(name);
}

/* Every member below `node`, which stands at *p. */
static uint32_t walk(const struct sample *s, const cJSON *node, struct place *p, const char *path)
{
    uint32_t count = 0;
    assert_true(p->depth < (int)COUNT_OF(p->at));
    for (int i = 0; i < cJSON_GetArraySize(node); i++) {
        const cJSON *child = cJSON_GetArrayItem(node, i);
        char below[200], number[12];
        snprintf(number, sizeof number, "%d", i);
        snprintf(below, sizeof below, "%s%s%s", path, *path ? "." : "", child->string ? child->string : number);
        p->at[p->depth++] = i;
        for (size_t k = 0; k < COUNT_OF(others); k++) change(s, p, below, others[k]);
        count += 1 + walk(s, child, p, below);
        p->depth--;
    }
    return count;
}

static int set_up(void **state)
{
    UNUSED(state);
    return door_set_up(&provider_line, "line");
}

TEST(a_reader_ends_well_whatever_one_member_is)
{
    for (size_t i = 0; i < COUNT_OF(samples); i++) {
        const struct sample *s = &samples[i];
        struct place root = { .depth = 0 };
        cJSON *doc = parse(s->body);
        char *body = cJSON_PrintUnformatted(doc);
        door.provider = s->provider;
        door.channel = s->channel;
        account.id = (char *)s->id;
        struct str id = one_event(body)->external;
        if (channel_complete(&c, 1)) fail();
        snprintf(wanted, sizeof wanted, "%.*s", STR_FMT(id));
        if (walk(s, doc, &root, "") < 10) fail_msg("%s: hardly anything was tried", s->name);
        cJSON_free(body);
        cJSON_Delete(doc);
    }
}

TEST(a_reader_ends_well_whatever_the_whole_is)
{
    static const struct provider *const all[] = { &provider_line, &provider_telegram, &provider_meta, &provider_slack,
                                                  &provider_kakao };
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        door.provider = all[i];
        account.id = NULL;
        for (size_t k = 1; k < COUNT_OF(others); k++) {
            if (read_it(others[k]) != ERR_PROTO || c.answer.status != 400) fail_msg("%s takes %s", all[i]->word, others[k]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_reader_ends_well_whatever_one_member_is, set_up, door_tear_down),
        cmocka_unit_test_setup_teardown(a_reader_ends_well_whatever_the_whole_is, set_up, door_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
