using Clustron.Internal;
using StackExchange.Redis;

namespace Clustron;

/// <summary>Whether a write was done.</summary>
public enum KeyValueStatus
{
    /// <summary>It was.</summary>
    Done,

    /// <summary>Its condition did not hold (IfAbsent, IfExists, IfRevision); nothing was changed.</summary>
    Conflict,

    /// <summary>The key to be deleted did not exist.</summary>
    NotFound,
}

/// <summary>How <see cref="KeyValueStore.PutAsync"/> writes. All combinations that make no sense are refused before anything is sent.</summary>
public sealed record PutOptions
{
    /// <summary>The key ends so long after this write; null: never. A SET without one drops what the key had.</summary>
    public TimeSpan? Ttl { get; init; }

    /// <summary>The key keeps the end or the lease that it has.</summary>
    public bool KeepTtl { get; init; }

    /// <summary>The key ends with this lease.</summary>
    public string? LeaseId { get; init; }

    /// <summary>Only if the key does not exist.</summary>
    public bool IfAbsent { get; init; }

    /// <summary>Only if it does.</summary>
    public bool IfExists { get; init; }

    /// <summary>Only if the key is at this revision; 0: only if it does not exist.</summary>
    public long? IfRevision { get; init; }

    /// <summary>Writes under this lock, whose guard the key may have.</summary>
    public LockHandle? Lock { get; init; }

    /// <summary>Makes the write safe to repeat, so that its outcome becomes known.</summary>
    public RequestId? Request { get; init; }

    internal void AppendTo(List<object> arguments)
    {
        if ((Ttl is null ? 0 : 1) + (KeepTtl ? 1 : 0) + (LeaseId is null ? 0 : 1) > 1)
            throw new ArgumentException("Ttl, KeepTtl and LeaseId exclude each other.");
        if ((IfAbsent ? 1 : 0) + (IfExists ? 1 : 0) + (IfRevision is null ? 0 : 1) > 1)
            throw new ArgumentException("IfAbsent, IfExists and IfRevision exclude each other.");
        if (Ttl is { } ttl)
        {
            if (ttl < TimeSpan.FromMilliseconds(1)) throw new ArgumentException($"The key's Ttl of {ttl} is less than a millisecond.");
            arguments.Add("PX");
            arguments.Add((long)ttl.TotalMilliseconds);
        }
        if (KeepTtl) arguments.Add("KEEPTTL");
        if (LeaseId is not null)
        {
            arguments.Add("LEASE");
            arguments.Add(LeaseId);
        }
        if (IfAbsent) arguments.Add("NX");
        if (IfExists) arguments.Add("XX");
        if (IfRevision is { } revision)
        {
            arguments.Add("IFREV");
            arguments.Add(revision);
        }
    }
}

/// <summary>What a write did.</summary>
/// <param name="Status">Whether it was done.</param>
/// <param name="Revision">Of the key behind it: the write's own if it was done, else the one that the key is at; 0: there is no key.</param>
/// <param name="Existed">The key was there before.</param>
public readonly record struct KeyValueResult(KeyValueStatus Status, long Revision, bool Existed)
{
    /// <summary>It was done.</summary>
    public bool Done => Status == KeyValueStatus.Done;
}

/// <summary>A key as it was at one revision of the store.</summary>
/// <param name="Key">Its name.</param>
/// <param name="Value">Null if there is no key.</param>
/// <param name="Revision">That last changed the value; 0: there is no key.</param>
/// <param name="TimeToLive">What is left of it; null: it has no end, or its lease's.</param>
public readonly record struct KeyValueEntry(RedisKey Key, RedisValue Value, long Revision, TimeSpan? TimeToLive)
{
    /// <summary>There is such a key.</summary>
    public bool Exists => Revision != 0;
}
