namespace Clustron;

/// <summary>What kind of lock a name is. All who ask for it at the same time must ask for the same.</summary>
internal enum LockMode
{
    Exclusive,
    Shared,
    Limit,
}

/// <summary>How a lock is acquired and kept.</summary>
public sealed record LockOptions
{
    /// <summary>The lock ends with this lease, and lives as long as it does: it has no TTL of its own and is not renewed by itself.</summary>
    public Lease? Lease { get; init; }

    /// <summary>
    /// A pure mutex. Otherwise the lock on name N guards the data key N: whoever writes that key must show the token
    /// (<see cref="LockHandle.Wrap"/>).
    /// </summary>
    public bool Advisory { get; init; }

    /// <summary>Nobody gets the lock for so long after this holder was lost rather than released it.</summary>
    public TimeSpan? Delay { get; init; }

    /// <summary>False: the lock ends after its TTL unless <see cref="LockHandle.RenewAsync"/> is called.</summary>
    public bool AutoRenew { get; init; } = true;

    /// <summary>
    /// Subscribes to the lock's channel while it is held, so that a <c>LOCK BREAK</c> is known at once, and not only at the next renewal
    /// (a third of the TTL).
    /// </summary>
    public bool NotifyLoss { get; init; }

    /// <summary>What <c>LOCK INFO</c> shows as the holder, made unique per attempt; at most 200 bytes. Null: the client's name.</summary>
    public string? Owner { get; init; }

    internal LockMode Mode { get; init; }
    internal int Permits { get; init; }
}

/// <summary>A holder of a lock.</summary>
/// <param name="Token">Its fencing token.</param>
/// <param name="Owner">Its text.</param>
/// <param name="Ttl">As granted.</param>
/// <param name="Remaining">What is left of it.</param>
/// <param name="LeaseId">The lease it ends with.</param>
public sealed record LockHolder(long Token, string Owner, TimeSpan Ttl, TimeSpan Remaining, string? LeaseId);

/// <summary>A lock as the server tells of it.</summary>
/// <param name="Mode">"guard", "advisory" and the like.</param>
/// <param name="Holders">The oldest first.</param>
/// <param name="Waiters">How many wait for it.</param>
public sealed record LockInfo(string Mode, IReadOnlyList<LockHolder> Holders, long Waiters);

/// <summary>A lock in a list; token, owner and TTL are the oldest holder's.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Token">0: nobody holds it.</param>
/// <param name="Owner">The holder's text.</param>
/// <param name="Ttl">As granted.</param>
/// <param name="Mode">"guard", "advisory" and the like.</param>
/// <param name="Holders">How many hold it.</param>
/// <param name="Waiters">How many wait for it.</param>
public sealed record LockRow(string Name, long Token, string Owner, TimeSpan Ttl, string Mode, long Holders, long Waiters);
