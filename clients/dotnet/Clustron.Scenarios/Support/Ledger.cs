using System.Collections.Concurrent;

namespace Clustron.Scenarios;

/// <param name="Began">Before it was sent first.</param>
/// <param name="Ended">When its reply was there.</param>
/// <param name="Revision">That its reply names.</param>
/// <param name="Writes">The revision is its own; else that of the state which it saw.</param>
internal sealed record Entry(long Began, long Ended, long Revision, bool Writes)
{
    public IReadOnlyList<(int Account, long By)> Moves { get; init; } = [];

    /// <summary>Balances that it told, as they are behind it.</summary>
    public IReadOnlyList<(int Account, long Balance)> After { get; init; } = [];

    /// <summary>Whose balance was not enough, and for what.</summary>
    public (int Account, long Amount)? Refused { get; init; }
}

/// <summary>
/// Checks that what happened is strictly serializable: in the order of the revisions, everybody is told what a replay says, and who began
/// behind another's end has no lower revision. Adding is thread-safe.
/// </summary>
internal sealed class Ledger(int accounts, long balance)
{
    private readonly ConcurrentQueue<Entry> _entries = new();
    private long _begin;

    public int Accounts => accounts;

    public void Begin(long revision) => _begin = revision;

    public void Add(Entry entry) => _entries.Enqueue(entry);

    /// <summary>Says what was checked.</summary>
    public string Check()
    {
        Entry[] entries = [.. _entries];
        Replay(entries);
        CheckRealTime(entries);
        return $"{entries.Length} steps replayed";
    }

    private void Replay(Entry[] entries)
    {
        var state = Enumerable.Repeat(balance, accounts).ToArray();
        long last = _begin;
        // A write comes before those who only saw its revision.
        foreach (Entry entry in entries.OrderBy(e => e.Revision).ThenBy(e => e.Writes ? 0 : 1))
        {
            Scenarios.Check.That(entry.Revision > last || !entry.Writes && entry.Revision == last || !entry.Writes && entry.Revision > _begin,
                $"revision {entry.Revision} of a write is not its own: {last} is taken");
            last = entry.Revision;
            foreach (var (account, by) in entry.Moves) state[account] += by;
            foreach (var (account, told) in entry.After)
                Scenarios.Check.Equal(state[account], told, $"the balance of account {account} at revision {entry.Revision}");
            if (entry.Refused is { } refused)
                Scenarios.Check.That(state[refused.Account] < refused.Amount, $"a transfer of {refused.Amount} at revision {entry.Revision} was refused, though {state[refused.Account]} was there");
        }
        Scenarios.Check.That(state.All(b => b >= 0), "no balance is below zero");
        Scenarios.Check.Equal(balance * accounts, state.Sum(), "the sum at the end");
    }

    /// <summary>Along real time revisions don't fall, and two writes never share one.</summary>
    private static void CheckRealTime(Entry[] entries)
    {
        Entry[] byEnd = [.. entries.OrderBy(e => e.Ended)];
        long seen = 0;
        int ended = 0;
        foreach (Entry entry in entries.OrderBy(e => e.Began))
        {
            for (; ended < byEnd.Length && byEnd[ended].Ended < entry.Began; ++ended) seen = Math.Max(seen, byEnd[ended].Revision);
            Scenarios.Check.That(entry.Revision >= seen && (!entry.Writes || entry.Revision > seen),
                $"a {(entry.Writes ? "write" : "read")} at revision {entry.Revision} began when revision {seen} had been answered");
        }
    }
}
