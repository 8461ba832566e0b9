using StackExchange.Redis;

namespace Clustron.Scenarios;

/// <summary>
/// Scenario 2: the self-test of leases while the leader is killed. Keys of a lease are never gone before its TTL, counted from the last
/// keepalive that was answered; all of them go at once; and the history tells of all of them at one revision, with the lease's id.
/// </summary>
internal sealed class LeaseSelfTest(Pass pass) : Scenario(pass)
{
    private const int Keys = 20;
    private readonly List<Task> _overTheKill = [];
    private int _ended, _revoked, _kept, _late;

    public override int Number => 2;
    public override string Title => "lease self-test";
    public override int StepsBehindAKill => 5;

    public override async Task<string> RunAsync()
    {
        await LoopsAsync(8, (n, round) => RoundAsync($"{Name}{n}.{round}:", TimeSpan.FromMilliseconds(1000 + n * 150), n % 4));
        await Task.WhenAll(_overTheKill);
        Check.That(_ended > 0 && _revoked > 0 && _kept > 0, "each way of a lease was gone");
        return $"{_ended} leases ended by their TTL ({_kept} of them were kept alive, {_overTheKill.Count} granted just before the kill), {_revoked} were revoked, {_late} rounds given up";
    }

    public override async Task BeforeKillAsync()
    {
        for (int i = 0; i < 4; ++i)
        {
            Group group = await GrantAsync($"{Name}kill{i}:", TimeSpan.FromMilliseconds(1500 + i * 500)) ?? throw new CheckFailedException("no lease in time");
            _overTheKill.Add(EndsAsync(group));
        }
    }

    /// <summary>A lease and its keys.</summary>
    private sealed record Group(string Id, RedisKey[] Names, long Since, Life Life);

    private async Task RoundAsync(string id, TimeSpan ttl, int way)
    {
        if (await GrantAsync(id, ttl) is not { } group)
        {
            Interlocked.Increment(ref _late);
            return;
        }
        if (way == 3) await RevokeAsync(group);
        else if (way == 0 || await KeepAsync(group, ttl)) await EndsAsync(group);
        Step(8);
    }

    /// <summary>GrantLease and KeyExistsBeforeExpiry. Null: the machine was too slow, and it ended before its keys were written.</summary>
    private async Task<Group?> GrantAsync(string id, TimeSpan ttl)
    {
        long since = (await Caller.CallAsync("WATCHKEY", "REV")).Array()[0].Number();
        Answer granted = await Caller.SendAsync(["LEASE", "GRANT", (long)ttl.TotalMilliseconds, "ID", id, "OWNER", id]);
        Check.Equal(id, granted.Result.Array()[0].Text(), "the id");
        var group = new Group(id, [.. Enumerable.Range(0, Keys).Select(k => Key($"{id}{k}"))], since, new Life(ttl, granted.FirstSent));
        object[] pairs = [.. group.Names.SelectMany(k => (object[])[k, "v"])];
        string error = await Caller.ErrorAsync(Caller.Once(id, ["LEASE", "DO", id, "MSET", .. pairs]));
        if (error.StartsWith("NOLEASE", StringComparison.Ordinal))
        {
            group.Life.CheckOver("lease " + id);
            return null;
        }
        Check.Equal("", error, "writing the keys");
        return group;
    }

    /// <summary>How many of its keys are there, at one moment.</summary>
    private async Task<int> CountAsync(Group group)
    {
        int count = (await Caller.CallAsync(["MGET", .. group.Names])).Array().Count(v => !v.IsNull);
        Check.That(count is 0 or Keys, $"{count} of {Keys} keys of lease {group.Id} are there: they did not go together");
        if (count == 0) group.Life.CheckOver("the keys of lease " + group.Id);
        return count;
    }

    /// <summary>KeepAliveExtendsLease: over three TTLs the keys stay. False: the machine was too slow, and it ended.</summary>
    private async Task<bool> KeepAsync(Group group, TimeSpan ttl)
    {
        for (int i = 0; i < 6; ++i)
        {
            await PauseAsync((int)(ttl.TotalMilliseconds / 3));
            Answer kept = await Caller.SendAsync(["LEASE", "KEEPALIVE", group.Id]);
            if (kept.Result.Array()[0].IsNull)
            {
                group.Life.CheckOver("lease " + group.Id);
                return true;
            }
            group.Life.Confirm(kept.Sent);
            if (await CountAsync(group) == 0) return true;
        }
        Interlocked.Increment(ref _kept);
        return true;
    }

    /// <summary>LeaseExpiryRemovesKey.</summary>
    private async Task EndsAsync(Group group)
    {
        await Check.UntilAsync(async () => await CountAsync(group) == 0, $"the end of lease {group.Id}");
        await CheckHistoryAsync(group, "lease");
        Check.That((await Caller.CallAsync("LEASE", "TTL", group.Id)).IsNull, $"lease {group.Id} lives without its keys");
        Interlocked.Increment(ref _ended);
    }

    /// <summary>RevokeRemovesKey.</summary>
    private async Task RevokeAsync(Group group)
    {
        RedisResult[] reply = (await Caller.OnceAsync("LEASE", "REVOKE", group.Id)).Array();
        if (reply[0].Number() == 0)
        {
            group.Life.CheckOver("lease " + group.Id);
            return;
        }
        Check.Equal(Keys, (int)reply[1].Number(), "keys that the revocation deleted");
        Check.Equal(0, (await Caller.CallAsync(["MGET", .. group.Names])).Array().Count(v => !v.IsNull), "keys behind the revocation");
        Check.Equal(reply[2].Number(), await CheckHistoryAsync(group, "lease"), "the revision of the revocation");
        Interlocked.Increment(ref _revoked);
    }

    /// <summary>The history tells of all keys' ends at one revision; that one.</summary>
    private async Task<long> CheckHistoryAsync(Group group, string reason)
    {
        RedisResult[] revisions = (await Caller.CallAsync("WATCHKEY", "SINCE", group.Since, "PREFIX", group.Id)).Array()[1].Array();
        var ends = new Dictionary<long, int>();
        foreach (RedisResult[] row in revisions.Select(r => r.Array()))
        {
            foreach (RedisResult[] e in row.Skip(1).Select(e => e.Array()).Where(e => e[0].Text() == "del"))
            {
                Check.Equal($"{reason} {group.Id}", $"{e[1].Text()} {e[2].Text()}", "why a key ended");
                ends[row[0].Number()] = ends.GetValueOrDefault(row[0].Number()) + 1;
            }
        }
        Check.That(ends.Count == 1 && ends.Values.Single() == Keys, $"keys of lease {group.Id} ended at revisions {string.Join(", ", ends.Select(e => $"{e.Key} ({e.Value})"))}");
        return ends.Keys.Single();
    }
}
