using System.Collections.Concurrent;
using System.Diagnostics;
using StackExchange.Redis;

namespace Clustron.Scenarios;

/// <summary>
/// Scenario 5: transfers among 100 accounts. Each transfer, failed ones and audits too, is one step at the revision that its reply names: the
/// ledger replays them in that order, and each reply must be what the replay says. And each request that is sent again has its first reply.
/// </summary>
internal sealed class Transfers(Pass pass) : Scenario(pass)
{
    private readonly Ledger _ledger = new(100, 100);
    private readonly ConcurrentQueue<(object[] Request, string Reply)> _sent = new();
    private int _moved, _refused, _audits, _open, _conflicts, _again;

    public override int Number => 5;
    public override string Title => "transfers among 100 accounts";

    public override async Task<string> RunAsync()
    {
        RedisResult[] begun = (await Caller.OnceAsync(["TXN", "THEN", 1, 1 + 2 * _ledger.Accounts, "MSET", .. Enumerable.Range(0, _ledger.Accounts).SelectMany(a => (object[])[Account(a), 100])])).Array();
        _ledger.Begin(begun[1].Number());
        await LoopsAsync(20, async (n, round) =>
        {
            if (n >= 18) await AuditAsync();
            else if (n >= 12) await OpenAsync();
            else await TransferAsync();
            Step(100);
            await PauseAsync(n >= 18 ? 50 : 5);
        });
        await AuditAsync();
        foreach ((object[] Request, string Reply) sent in _sent.Where((_, i) => i % 5 == 0)) await CheckAgainAsync(sent);
        string sum = _ledger.Check();
        return $"{_moved} transfers, {_refused} refused, {_open} by open transactions ({_conflicts} conflicts), {_audits} audits, {_again} requests sent again behind their reply; {sum}";
    }

    private RedisKey Account(int number) => Key($"{Name}{number}");

    private static (int From, int To, long Amount) Draw()
    {
        int from = Random.Shared.Next(100), to = (from + 1 + Random.Shared.Next(99)) % 100;
        return (from, to, Random.Shared.Next(1, 60));
    }

    private async Task TransferAsync()
    {
        var (from, to, amount) = Draw();
        object[] request = Caller.Once(Guid.NewGuid().ToString("N"),
        [
            "TXN", "IF", 1, "VALUE", Account(from), ">=", amount, "THEN", 2, 3, "DECRBY", Account(from), amount, 3, "INCRBY", Account(to), amount,
            "ELSE", 2, 2, "GET", Account(from), 2, "GET", Account(to),
        ]);
        long began = Stopwatch.GetTimestamp();
        // Some are sent twice at once, to two nodes, as by a client that does not wait for a slow answer.
        Task<Answer>? twin = Random.Shared.Next(4) == 0 ? Caller.SendAsync(request) : null;
        Answer answer = await Caller.SendAsync(request);
        long ended = Stopwatch.GetTimestamp();
        if (twin is not null) Check.Equal(answer.Result.Shown(), (await twin).Result.Shown(), "the reply to a request that was sent twice at once");
        RedisResult[] reply = answer.Result.Array();
        long[] balances = [.. reply[2].Array().Select(r => r.Number())];
        bool done = reply[0].Number() == 1;
        Interlocked.Increment(ref done ? ref _moved : ref _refused);
        _ledger.Add(new Entry(began, ended, reply[1].Number(), done)
        {
            Moves = done ? [(from, -amount), (to, amount)] : [],
            After = [(from, balances[0]), (to, balances[1])],
            Refused = done ? null : (from, amount),
        });
        (object[], string) sent = (request, answer.Result.Shown());
        _sent.Enqueue(sent);
        if (answer.Repeated || Random.Shared.Next(10) == 0) await CheckAgainAsync(sent);
    }

    private async Task CheckAgainAsync((object[] Request, string Reply) sent)
    {
        Check.Equal(sent.Reply, (await Caller.CallAsync(sent.Request)).Shown(), "the reply to a request that was sent again");
        Interlocked.Increment(ref _again);
    }

    private async Task AuditAsync()
    {
        long began = Stopwatch.GetTimestamp();
        RedisResult[] reply = (await Caller.CallAsync(["TXN", "THEN", 1, 1 + _ledger.Accounts, "MGET", .. Enumerable.Range(0, _ledger.Accounts).Select(a => (object)Account(a))])).Array();
        long ended = Stopwatch.GetTimestamp();
        long[] balances = [.. reply[2].Array()[0].Array().Select(r => r.Number())];
        Check.Equal(100L * _ledger.Accounts, balances.Sum(), "the sum of an audit");
        _ledger.Add(new Entry(began, ended, reply[1].Number(), false) { After = [.. balances.Select((b, a) => (a, b))] });
        Interlocked.Increment(ref _audits);
    }

    /// <summary>Reads decide what is written, in a transaction that stays open.</summary>
    private async Task OpenAsync()
    {
        var (from, to, amount) = Draw();
        long began = Stopwatch.GetTimestamp();
        try
        {
            string id = (await Caller.CallAsync("TXN", "BEGIN")).Text()!;
            long a = (await DoAsync(id, "GET", Account(from))).Number(), b = (await DoAsync(id, "GET", Account(to))).Number();
            if (a < amount)
            {
                await Caller.CallAsync("TXN", "ROLLBACK", id);
                return;
            }
            // These may be staged twice if an answer is lost: they say what the balance is, not what it changes by.
            await DoAsync(id, "SET", Account(from), a - amount);
            await DoAsync(id, "SET", Account(to), b + amount);
            RedisResult[] reply = (await Caller.CallAsync("TXN", "COMMIT", id)).Array();
            if (reply[0].Number() == 0)
            {
                Interlocked.Increment(ref _conflicts);
                return;
            }
            _ledger.Add(new Entry(began, Stopwatch.GetTimestamp(), reply[1].Number(), true)
            {
                Moves = [(from, -amount), (to, amount)],
                After = [(from, a - amount), (to, b + amount)],
            });
            Interlocked.Increment(ref _open);
        }
        // Its node is gone, and it with it: nothing was applied, which the replay would show.
        catch (RedisServerException error) when (error.Message.StartsWith("NOTXN", StringComparison.Ordinal) || IsHeldByOther(error.Message)) { }
    }

    private async Task<RedisResult> DoAsync(string id, params object[] words) =>
        (await Caller.SendAsync(["TXN", "DO", id, .. words], null, error => IsHeldByOther(error) || error.Split(' ')[0] is not ("CLUSTERDOWN" or "UNCERTAIN" or "LOADING"))).Result;

    private static bool IsHeldByOther(string error) => error.Contains("holds the transaction", StringComparison.Ordinal);
}
