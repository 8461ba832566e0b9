using StackExchange.Redis;

namespace Clustron.Scenarios;

/// <summary>
/// Scenario 7: with all features in use on the same connections, each reply belongs to its command. Every command here has a reply that no
/// other has. In the pass with high integrity StackExchange.Redis checks that itself, too, behind each command of all scenarios.
/// </summary>
internal sealed class OwnReplies(Pass pass) : Scenario(pass)
{
    private int _published, _heard;

    public override int Number => 7;
    public override string Title => Pass.Kind.HighIntegrity ? "no mismatch of replies, high integrity on" : "no mismatch of replies";

    public override async Task<string> RunAsync()
    {
        ISubscriber subscriber = Pass.Multiplexer.GetSubscriber();
        await subscriber.SubscribeAsync(RedisChannel.Literal(Name + "news"), (_, _) => Interlocked.Increment(ref _heard));
        await LoopsAsync(20, async (n, round) =>
        {
            try
            {
                await RoundAsync($"{Name}{n}:", $"{n}.{round}", n % 5);
                Step(100);
            }
            // A plain client's plain commands: what is lost in a kill is lost, and not repeated.
            catch (Exception error) when (Caller.IsLost(error) || IsOfTheKill(error)) { }
            await PauseAsync(5);
        });
        (ConnectionFailureType Type, string Text)[] wrong = [.. Pass.Failures.Where(f => f.Type is ConnectionFailureType.ResponseIntegrityFailure or ConnectionFailureType.ProtocolFailure)];
        Check.That(wrong.Length == 0, "connections ended by replies that were wrong: " + string.Join("; ", wrong.Select(w => w.Text)));
        Check.That(_heard > 0, "nothing of what was published was heard");
        return $"{Steps} rounds of commands; {_published} messages were published, {_heard} heard; {Pass.Failures.Count} connections ended by the kills";
    }

    private static bool IsOfTheKill(Exception error) =>
        error is RedisServerException && error.Message.Split(' ')[0] is "UNCERTAIN" or "CLUSTERDOWN" or "LOADING" or "EXECABORT";

    private async Task RoundAsync(string name, string unique, int way)
    {
        IDatabase db = Pass.Client.Database;
        if (way == 0)
        {
            Task<RedisResult>[] echoes = [.. Enumerable.Range(0, 10).Select(i => db.ExecuteAsync("ECHO", $"{unique}/{i}"))];
            string?[] told = [.. (await Task.WhenAll(echoes)).Select(e => (string?)e)];
            for (int i = 0; i < told.Length; ++i) Check.Equal($"{unique}/{i}", told[i], "the reply to ECHO");
        }
        else if (way == 1)
        {
            await db.StringSetAsync(name + "string", unique);
            Check.Equal(unique, (string?)await db.StringGetAsync(name + "string"), "the reply to GET");
            await db.HashSetAsync(name + "hash", [new("a", unique), new("b", 1)]);
            Check.Equal(unique, (string?)await db.HashGetAsync(name + "hash", "a"), "the reply to HGET");
        }
        else if (way == 2)
        {
            ITransaction transaction = db.CreateTransaction();
            Task<bool> set = transaction.StringSetAsync(name + "multi", unique);
            Task<RedisValue> get = transaction.StringGetAsync(name + "multi");
            if (await transaction.ExecuteAsync() && await set) Check.Equal(unique, (string?)await get, "the reply to GET within EXEC");
        }
        else if (way == 3)
        {
            await Pass.Multiplexer.GetSubscriber().PublishAsync(RedisChannel.Literal(Name + "news"), unique);
            Interlocked.Increment(ref _published);
        }
        else
        {
            // A lock, a wait for it in the connection's own terms, a lease, a query of the history: replies of four shapes.
            RedisResult[] held = (await db.ExecuteAsync("LOCK", "ACQUIRE", Key(name + "lock"), 5000, "OWNER", unique)).Array();
            if (held[0].Number() == 1) Check.Equal(1, (await db.ExecuteAsync("LOCK", "RELEASE", Key(name + "lock"), held[1].Number())).Number(), "the reply to RELEASE");
            Check.Equal(unique, (await db.ExecuteAsync("LEASE", "GRANT", 200, "ID", name + unique, "OWNER", unique)).Array()[0].Text() is { } id ? id[name.Length..] : "", "the reply to GRANT");
            Check.That((await db.ExecuteAsync("LEASE", "TTL", name + unique + "/none")).IsNull, "the reply to TTL of no lease");
            Check.That((await db.ExecuteAsync("WATCHKEY", "REV")).Array().Length == 2, "the reply to REV");
        }
    }
}
